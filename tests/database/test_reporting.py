"""Schema reporting: what its views show, that they stay as they are, and that the README's queries answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from avalon import events, issues, projections
from avalon.database import Database, connect
from avalon.deletions import delete_report, erase_service
from avalon.events import IssueResolved
from avalon.reporting import views
from avalon.statements import SQL
from tests import conftest
from tests.acceptance.readme import blocks
from tests.conftest import Urls
from tests.database import reporting_story as story
from tests.database.reporting_story import ago, write, write_story
from tests.history import a_report, report

Connection = psycopg.AsyncConnection[Any]

QUERIES = {re.match(r"-- (.+)", text)[1]: text for text in blocks("sql")}  # type: ignore[index]

# What each answers on the story; times of the clock are left out.
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "The issues that most users met this week": [
        ("the cart is empty", "shop", 3, 5),
        ("timed out", "shop", 1, 4),
        ("boom", "api", 0, 2),
    ],
    "What is new since the last release of each service": [
        ("shop", "1.1", "timed out", 4),
        ("api", "2.0", "boom", 2),
    ],
    "The latest fatal reports": 4 * [("shop", "staging", "1.1", None, "timed out")],
    "Errors per service and hour of the last day": [("shop", 4)],
    "Keys that nobody has used for 30 days": [("Old", "shop", None)],
    "Who resolved what in the last month, and what was taken back": [
        ("alice", "resolved the issue", "boom", False)
    ],
    "How long it takes to resolve an issue": [("api", 1, timedelta(days=3), timedelta(days=3))],
    "Alerts that were held back or given up this week, and why": [
        ("Discord", "suppressed", "storm", 2, 8),
        ("Discord", "failed", "the webhook is gone", 0, 2),
    ],
    "The releases with the most errors this week": [("shop", "1.0", 5, 1), ("shop", "1.1", 4, 1)],
    "The noisiest environments of the week, and their share": [
        ("prod", 5, Decimal("45.5")),
        ("staging", 4, Decimal("36.4")),
        ("(none)", 2, Decimal("18.2")),
    ],
    "The issues that come back most often after they were resolved": [("the cart is empty", 2)],
    "What got louder: this week by the week before": [
        ("the cart is empty", 5, 1),
        ("timed out", 4, None),
        ("boom", 2, None),
    ],
}


@pytest.fixture(scope="module")
def told_urls(cluster: str, template: str) -> Iterator[Urls]:
    """A database with the story in it, for all tests that only read."""
    name = f"{template}_told"
    with psycopg.connect(cluster, autocommit=True) as connection:
        conftest._create(connection, name, template)
    yield conftest._urls(cluster, name)
    conftest._drop(cluster, name)


@pytest.fixture
async def told(told_urls: Urls) -> AsyncIterator[Connection]:
    """A connection of avalon_reporting to it."""
    async with await connect(told_urls.owner, statement_timeout="60s") as owner:
        cursor = await owner.execute("SELECT EXISTS (SELECT FROM log.event)")
        if await cursor.fetchone() == (False,):
            await write_story(owner)
    async with await psycopg.AsyncConnection.connect(told_urls.reporting, autocommit=True) as reader:
        yield reader


@pytest.fixture
async def reader(urls: Urls) -> AsyncIterator[Connection]:
    """A connection of avalon_reporting to this test's own database."""
    async with await psycopg.AsyncConnection.connect(urls.reporting, autocommit=True) as connection:
        yield connection


async def rows(connection: Connection, query: str) -> list[Any]:
    cursor = await connection.execute(query.encode())
    return await cursor.fetchall()


def test_each_query_of_the_readme_has_an_answer_here() -> None:
    assert QUERIES.keys() == ANSWERS.keys()


@pytest.mark.parametrize("title", QUERIES)
async def test_the_readmes_query_answers(told: Connection, title: str) -> None:
    found = await rows(told, QUERIES[title])
    assert [tuple(value for value in row if not isinstance(value, datetime)) for row in found] == ANSWERS[
        title
    ]


async def test_an_issue_shows_who_it_is_assigned_to_and_how_old_it_is(told: Connection) -> None:
    query = "SELECT title, assignee, events, users, age > interval '9 days' FROM issue ORDER BY title"
    assert await rows(told, query) == [
        ("boom", None, 2, 0, False),
        ("the cart is empty", "bob", 6, 3, True),
        ("timed out", None, 4, 1, False),
    ]


async def test_a_report_shows_the_useful_part_of_its_content(urls: Urls, reader: Connection) -> None:
    content = {
        "path": "/cart",
        "method": "GET",
        "request": {"url": "https://shop.example/cart"},
        "exceptions": [{"type": "Outer"}, {"type": "KeyError"}],
        "tags": {"browser": "firefox"},
        "user": {"id": "u1", "email": "hidden@example.org"},
        "sdk": {"name": "avalon.mjs"},
        "metadata": {"note": "hidden"},
    }
    async with await connect(urls.owner) as owner:
        await write(owner, story.report(ago(minutes=1), story.CART, "boom", service="shop", data=content))
    words = "SELECT type, path, method, url, user_id, tags ->> 'browser', sdk FROM error"
    assert await rows(reader, words) == [
        ("KeyError", "/cart", "GET", "https://shop.example/cart", "u1", "firefox", "avalon.mjs")
    ]
    assert await rows(reader, "SELECT api_key, issue FROM error") == [(story.WEB_KEY, story.CART)]
    assert "hidden" not in str(await rows(reader, "SELECT * FROM error"))


async def test_an_alert_is_one_row_per_issue_that_it_was_about(told: Connection) -> None:
    query = "SELECT outcome, issue, events FROM alert WHERE outcome <> 'suppressed' ORDER BY position, issue"
    assert await rows(told, query) == [
        ("delivered", story.CART, 3),
        ("delivered", story.BOOM, 2),
        ("failed", None, 2),
    ]


async def test_the_audit_says_who_did_what_in_words(told: Connection) -> None:
    query = "SELECT username, what, subject FROM audit ORDER BY position"
    found = await rows(told, query)
    assert ("alice", "switched the key off", "Switched off") in found
    assert ("alice", "assigned the issue to bob", "the cart is empty") in found
    assert ("alice", "made the account as viewer", None) in found  # whose account is gone
    assert (None, "saw the issue again in 1.0", "the cart is empty") in found
    assert ("alice", "made the discord sink", "Discord") in found


def test_the_audit_has_words_for_every_kind_of_fact() -> None:
    written = (SQL / "reporting" / "audit.sql").read_text()
    kinds = {kind.TYPE for kind in map(events.__dict__.get, events.__all__) if hasattr(kind, "TYPE")}
    left_out = {kind for kind in kinds if kind.startswith("alert.")} | {"reports.dropped"}
    assert {kind for kind in kinds - left_out if f"WHEN '{kind}' THEN" not in written} == set()


async def test_the_audit_says_what_was_taken_back(database: Database, reader: Connection) -> None:
    await report(database, a_report(1))
    actor = f"user:{story.ALICE}"
    done = await issues.change(database, UUID(int=1), [IssueResolved()], actor)
    undone = "SELECT type, undone FROM audit WHERE type <> 'issue.opened' ORDER BY position"
    assert await rows(reader, undone) == [("issue.resolved", False)]
    taken_back = await issues.undo(database, done.action, actor)
    assert await rows(reader, undone) == [("issue.resolved", True), ("issue.undone", False)]
    await issues.undo(database, taken_back.action, actor)
    stands = [("issue.resolved", False), ("issue.undone", True), ("issue.undone", False)]
    assert await rows(reader, undone) == stands


async def test_an_issue_is_last_seen_when_it_was_first_seen_or_later(
    database: Database, reader: Connection, owner: Connection
) -> None:
    await report(database, a_report(1))
    assert await rows(reader, "SELECT last_seen >= first_seen FROM issue") == [(True,)]
    # The control: it is kept to the minute.
    assert await rows(owner, "SELECT date_trunc('minute', last_seen) = last_seen FROM projection.issue") == [
        (True,)
    ]


async def test_no_secret_stands_in_any_view(told: Connection) -> None:
    for path in views():
        shown = str(await rows(told, f"SELECT * FROM {path.stem}"))
        assert shown != "[]"
        for secret in ("a secret", f"{story.WEB_KEY.int:064x}", "avl_x"):
            assert secret not in shown


async def test_what_was_not_taken_is_counted_and_is_nobodys_deed(told: Connection) -> None:
    dropped = "SELECT service, dropped_by, category, reason, quantity FROM dropped_hourly ORDER BY reason"
    assert await rows(told, dropped) == [
        ("shop", "sdk", "error", "reason 0", 3),
        ("shop", "sdk", "error", "reason 1", 4),
    ]
    assert await rows(told, "SELECT count(*) FROM audit WHERE type = 'reports.dropped'") == [(0,)]
    assert (await rows(told, "SELECT count(*) > 10 FROM audit"))[0] == (True,)


async def test_deleted_and_erased_reports_are_gone(database: Database, reader: Connection) -> None:
    first, *_ = await report(database, a_report(1), a_report(1), a_report(2, service="web"))
    assert await rows(reader, "SELECT count(*) FROM error") == [(3,)]
    await delete_report(database, first.id, "user:x")
    await erase_service(database, "web", None, "user:x")
    assert await rows(reader, "SELECT service FROM error") == [("api",)]
    assert await rows(reader, "SELECT service, events FROM service_hourly") == [("api", 1)]
    assert await rows(reader, "SELECT service, events FROM issue_daily") == [("api", 1)]


async def test_the_reports_of_a_deleted_issue_are_gone(
    database: Database, reader: Connection, owner: Connection
) -> None:
    await report(database, a_report(1), a_report(2, message="still there"))
    await owner.execute(
        "INSERT INTO projection.group_erasure (position, issue_group, tomb, issue)"
        " SELECT 1000000, id, gen_random_uuid(), issue FROM projection.issue_group WHERE id = %s",
        [UUID(int=1)],
    )
    assert await rows(reader, "SELECT message FROM error") == [("still there",)]


LEAK = "SELECT count(*) FROM reporting.error WHERE message::int = 7"


async def test_a_condition_that_fails_tells_nothing_of_a_deleted_report(
    database: Database, reader: Connection, owner: Connection
) -> None:
    hidden, *_ = await report(database, a_report(1, message="pin 1234"), a_report(1, message="7"))
    await delete_report(database, hidden.id, "user:x")
    assert await rows(reader, LEAK) == [(1,)]
    await owner.execute("ALTER VIEW reporting.error SET (security_barrier = false)")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="pin 1234"):
        await rows(reader, LEAK)


@pytest.mark.parametrize("view", ["issue", "issue_daily", "audit"])
async def test_the_words_of_a_hidden_issue_are_gone(
    database: Database, reader: Connection, owner: Connection, view: str
) -> None:
    await report(database, a_report(1, message="a private matter"))
    assert str(UUID(int=1)) in str(await rows(reader, f"SELECT * FROM {view}"))
    await owner.execute("UPDATE projection.issue SET is_hidden = true")
    found = await rows(reader, f"SELECT * FROM {view}")
    assert "a private matter" not in str(found)
    assert bool(found) is (view == "audit")


async def test_a_condition_that_fails_tells_nothing_of_a_hidden_issue(
    database: Database, reader: Connection, owner: Connection
) -> None:
    await report(database, a_report(1, message="pin 1234"))
    await owner.execute("UPDATE projection.issue SET is_hidden = true")
    assert await rows(reader, "SELECT count(*) FROM issue WHERE title::int = 7") == [(0,)]
    assert await rows(reader, "SELECT count(*) FROM audit WHERE subject::int = 7") == [(0,)]
    # The control: behind a condition that is costlier than the cast, the title is seen.
    dear = "SELECT title FROM projection.issue WHERE NOT is_hidden::text::boolean::text::boolean"
    with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="pin 1234"):
        await rows(owner, f"SELECT count(*) FROM ({dear}) AS issue WHERE title::int = 7")


async def test_a_rebuild_leaves_the_views_alone(database: Database, urls: Urls, reader: Connection) -> None:
    await report(database)
    async with await connect(urls.owner) as owner:
        await owner.execute("UPDATE projection.issue SET title = 'spoilt'")
    await projections.rebuild(urls.owner)
    assert await rows(reader, "SELECT title FROM issue") == [("boom",)]
