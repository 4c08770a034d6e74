"""Comments of the users of programs: erasable like others, made once, and the same after any replay."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from avalon import deletions, feedback, issues, projections, retention
from avalon.auth import ApiKey
from avalon.database import Database
from avalon.errors import Conflict, Forbidden, NotFound, TooManyRequests
from avalon.event_store import append, head
from avalon.events import ApiKeyCreated, IssueDeleted, uuid7
from avalon.feedback import Feedback, Feedbacks
from avalon.migrations import migrate
from tests.conftest import Urls
from tests.database.test_plans import nodes, plan_of
from tests.database.test_retention import files_with
from tests.history import a_report, report, write_past

Owner = psycopg.AsyncConnection[Any]
KEY_ID = UUID(int=9)
KEY = ApiKey(KEY_ID, "api", f"key:{KEY_ID}", None, ())
ANNA = f"user:{UUID(int=7)}"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "PAUSES_S", ())


async def a_stored_report(database: Database, group: int = 1, **columns: Any) -> UUID:
    (stored,) = await report(database, a_report(group, **columns))
    return stored.id


def said(report: UUID | None, text: str = "elmo's words", **fields: Any) -> Feedback:
    return Feedback(**{"text": text, "name": "elmo", "email": "elmo@street", "report": report} | fields)


async def rows(owner: Owner, query: str) -> list[Any]:
    return await (await owner.execute(query.encode())).fetchall()


async def comments(owner: Owner) -> list[Any]:
    return await rows(
        owner, "SELECT issue, text, name, email, report FROM projection.issue_comment ORDER BY position"
    )


async def verified(urls: Urls) -> bool:
    return all([await projections.verify(urls.owner, chunk=chunk) == [] for chunk in (1, 3, 1000)])


async def test_it_follows_its_report_into_the_issue_that_it_was_merged_into(
    urls: Urls, database: Database, owner: Owner
) -> None:
    first, _ = await a_stored_report(database, 1), await a_stored_report(database, 2)
    await issues.merge(database, UUID(int=2), [UUID(int=1)], ANNA)
    assert await Feedbacks(database).comment(KEY, said(first))
    assert await comments(owner) == [(UUID(int=2), "elmo's words", "elmo", "elmo@street", first)]
    assert await verified(urls)


async def test_side_by_side_the_same_is_one_comment(urls: Urls, database: Database, owner: Owner) -> None:
    about = await a_stored_report(database)
    feedbacks = Feedbacks(database)
    answers = await asyncio.gather(*(feedbacks.comment(KEY, said(about)) for _ in range(8)))
    assert answers == [True] * 8
    assert len(await comments(owner)) == 1
    assert await verified(urls)


async def test_what_is_about_nothing_that_can_be_seen_is_no_comment(database: Database, owner: Owner) -> None:
    about = await a_stored_report(database)
    foreign = await a_stored_report(database, 2, service="web")
    await deletions.delete_report(database, about, ANNA)
    for id in (None, uuid7(), about, foreign):
        with pytest.raises(NotFound):
            await Feedbacks(database).comment(KEY, said(id))
    assert await comments(owner) == []


async def test_a_report_that_goes_between_the_look_and_the_lock_gets_no_comment(
    database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = await a_stored_report(database)
    feedbacks = Feedbacks(database)
    find = feedbacks._find

    async def then_deleted(service: str, id: UUID) -> Any:
        found = await find(service, id)
        await deletions.delete_report(database, about, ANNA)
        return found

    monkeypatch.setattr(feedbacks, "_find", then_deleted)
    with pytest.raises(NotFound):
        await feedbacks.comment(KEY, said(about))
    assert await comments(owner) == []


ANY_SERVICE = """
SELECT position, recorded_at FROM projection.visible_report
WHERE id = %(report)s AND %(service)s::text IS NOT NULL
"""


@pytest.mark.parametrize("guards", ["the look", "the lock's holder", "nobody"])
async def test_either_guard_keeps_other_services_out(
    database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch, guards: str
) -> None:
    """And the control: where neither stands, it would be a comment."""
    foreign = await a_stored_report(database, 2, service="web")
    if guards != "the look":
        monkeypatch.setattr(feedback.sql, "find", ANY_SERVICE)
    if guards != "the lock's holder":
        ((text,),) = await rows(owner, "SELECT pg_get_functiondef('log.add_feedback'::regproc)")
        assert " AND r.service = add_feedback.service" in text
        await owner.execute(text.replace(" AND r.service = add_feedback.service", "").encode())
    if guards == "nobody":
        assert await Feedbacks(database).comment(KEY, said(foreign))
    else:
        with pytest.raises(NotFound):
            await Feedbacks(database).comment(KEY, said(foreign))
    assert len(await comments(owner)) == (guards == "nobody")


async def test_it_counts_against_a_rate_also_in_a_replay(
    urls: Urls, database: Database, owner: Owner
) -> None:
    fact = ApiKeyCreated(name="web", sha256="0" * 64, prefix="avl_x", rate_per_minute=3)
    await append(database, [fact.new(KEY_ID, "system", service="api")])
    key = ApiKey(KEY_ID, "api", f"key:{KEY_ID}", 3, ())
    about = await a_stored_report(database)
    feedbacks = Feedbacks(database)
    taken = 0
    with pytest.raises(TooManyRequests):
        # A minute of the log may end meanwhile, but not twice.
        for number in range(9):
            taken += await feedbacks.comment(key, said(about, f"number {number}"))
    assert 2 <= taken <= 5
    used = (await rows(owner, "SELECT sum(reports)::int FROM projection.api_key_minute"))[0][0]
    assert used == taken + 1
    assert await verified(urls)


class TestErasing:
    async def test_an_admin_takes_it_away_and_brings_it_back_whole(
        self, urls: Urls, database: Database, owner: Owner
    ) -> None:
        about = await a_stored_report(database)
        await Feedbacks(database).comment(KEY, said(about))
        before = await comments(owner)
        comment = said(about).id_of("api")
        with pytest.raises(NotFound):
            await issues.delete_comment(database, UUID(int=1), comment, ANNA)
        done = await issues.delete_comment(database, UUID(int=1), comment, ANNA, is_admin=True)
        assert await comments(owner) == []
        await issues.undo(database, done.action, ANNA, is_admin=True)
        assert await comments(owner) == before
        assert await verified(urls)

    async def test_it_is_undone_like_a_comment_by_an_admin(
        self, urls: Urls, database: Database, owner: Owner
    ) -> None:
        about = await a_stored_report(database)
        await Feedbacks(database).comment(KEY, said(about))
        action = said(about).id_of("api")
        with pytest.raises(Forbidden):
            await issues.undo(database, action, ANNA)
        await issues.undo(database, action, ANNA, is_admin=True)
        assert await comments(owner) == []
        assert await verified(urls)

    async def test_a_purge_takes_words_names_and_addresses_out_of_the_files(
        self, urls: Urls, database: Database, owner: Owner
    ) -> None:
        for group in (1, 2):
            about = await a_stored_report(database, group)
            for number in range(30):
                await Feedbacks(database).comment(KEY, said(about, f"elmo's words {number}"))
        await projections.seal(urls.owner, await head(database))
        kept = await a_stored_report(database, 3)
        await Feedbacks(database).comment(KEY, said(kept, "kept", name="bert", email=""))
        for (comment,) in await rows(
            owner, f"SELECT id FROM projection.issue_comment WHERE issue = '{UUID(int=1)}'"
        ):
            await issues.delete_comment(database, UUID(int=1), comment, ANNA, is_admin=True)
        await issues.change(database, UUID(int=2), [IssueDeleted()], ANNA)
        assert {"log.fact", "baseline.issue_comment"} <= files_with(urls, b"elmo")
        assert (await retention.purge(urls.owner)).comments == 60
        assert files_with(urls, b"elmo") == set()
        assert {"log.fact", "projection.issue_comment"} <= files_with(urls, b"bert")
        left = await rows(owner, "SELECT DISTINCT data - 'comment' - 'action' - 'report' FROM log.event"
            " WHERE type = 'issue.commented' AND NOT data ? 'text'")  # fmt: skip
        assert left == [({},)]
        assert await verified(urls)

    async def test_a_purge_that_forgot_the_name_would_leave_it(
        self, urls: Urls, database: Database, owner: Owner
    ) -> None:
        """The control: the log lets a routine blank no less than all of it."""
        about = await a_stored_report(database)
        await Feedbacks(database).comment(KEY, said(about))
        comment = said(about).id_of("api")
        await issues.delete_comment(database, UUID(int=1), comment, ANNA, is_admin=True)
        ((text,),) = await rows(owner, "SELECT pg_get_functiondef('log.blank_comments'::regproc)")
        assert " - 'name' - 'email'" in text
        await owner.execute(text.replace(" - 'name' - 'email'", "").encode())
        with pytest.raises(psycopg.errors.RestrictViolation):
            await retention.purge(urls.owner)

    async def test_what_was_purged_does_not_come_back_by_a_retry_or_an_undo(
        self, urls: Urls, database: Database, owner: Owner
    ) -> None:
        about = await a_stored_report(database)
        await Feedbacks(database).comment(KEY, said(about))
        comment = said(about).id_of("api")
        done = await issues.delete_comment(database, UUID(int=1), comment, ANNA, is_admin=True)
        await retention.purge(urls.owner)
        assert await Feedbacks(database).comment(KEY, said(about))
        with pytest.raises(Conflict):
            await issues.undo(database, done.action, ANNA, is_admin=True)
        assert await comments(owner) == []
        assert await verified(urls)


async def test_a_database_from_before_keeps_its_comments_and_takes_feedback(
    urls: Urls, database: Database, owner: Owner
) -> None:
    about = await a_stored_report(database)
    await issues.comment(database, UUID(int=1), "of old", ANNA)
    await projections.seal(urls.owner, await head(database))
    await issues.comment(database, UUID(int=1), "of late", ANNA)
    for schema in ("projection", "baseline"):
        columns = "DROP COLUMN name, DROP COLUMN email, DROP COLUMN report"
        await owner.execute(f"ALTER TABLE {schema}.issue_comment {columns}".encode())
        await owner.execute(
            f"DROP VIEW IF EXISTS reporting.dropped_hourly; DROP TABLE {schema}.drop_hour".encode()
        )
    await owner.execute(b"DELETE FROM runtime.migration WHERE name = '0012_feedback'")
    await migrate(urls.owner, urls.service)
    assert [row[1:] for row in await comments(owner)] == [
        ("of old", None, None, None),
        ("of late", None, None, None),
    ]
    assert await verified(urls)
    assert await Feedbacks(database).comment(KEY, said(about))
    assert len(await comments(owner)) == 3
    assert await verified(urls)


async def test_who_waits_looks_through_the_last_days_only(owner: Owner) -> None:
    """And the control: the first look finds a report of any day, so it goes through all of them."""
    await write_past(owner, 20, 1)

    async def days(since: datetime) -> int:
        params = {"report": uuid4(), "service": "shop", "since": since}
        names = {
            node.get("Relation Name", "") for node in nodes(await plan_of(owner, feedback.sql.find, params))
        }
        return sum(name.startswith("report_") for name in names)

    assert await days(datetime.now(UTC) - timedelta(days=1)) <= 3
    assert await days(feedback.EARLIEST) > 20
