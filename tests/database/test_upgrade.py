"""A database of release 0.1.0 comes through `avalon migrate` whole, beside replicas and after a crash."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from avalon import issues, mending, migrations, projections
from avalon.connection import Connection
from avalon.database import Database, as_query, connect
from avalon.errors import SchemaError
from avalon.event_store import Cursor
from avalon.events import IssueDeleted
from avalon.migrations import migrate
from avalon.release import check_schema
from avalon.statements import SQL
from tests.conftest import Urls
from tests.database import first_release
from tests.history import a_report, report

# A group's words and sums, as 0.1.0 had them and as the issue has them now.
THEN = """
SELECT issue, service, type, title, first_seen, last_seen, reports
FROM projection.issue_group
WHERE title IS NOT NULL
ORDER BY issue
"""
NOW = """
SELECT i.id, i.service, i.type, i.title, i.first_seen, i.last_seen, i.events
FROM projection.issue AS i
JOIN projection.issue_group AS g ON g.issue = i.id AND g.home = i.id
WHERE NOT i.is_hidden AND i.id = ANY(%s)
ORDER BY i.id
"""
KEPT = "SELECT * FROM projection.visible_report"
# What is counted of the reports that are kept, in two ways.
COUNTS = {
    "level": (
        f"SELECT stream, level, count(*) FROM ({KEPT}) AS k GROUP BY 1, 2",
        "SELECT issue_group, value, reports FROM projection.group_tag WHERE key = 'level'",
    ),
    "tag": (
        f"SELECT stream, t.value, count(*) FROM ({KEPT}) AS k, jsonb_each_text(data -> 'tags') AS t"
        " GROUP BY 1, 2",
        "SELECT issue_group, value, reports FROM projection.group_tag"
        " WHERE key NOT IN ('level', 'release', 'environment')",
    ),
    "user": (
        f"SELECT stream, count(DISTINCT data #>> '{{user,id}}') FROM ({KEPT}) AS k"
        " WHERE data ? 'user' GROUP BY 1",
        "SELECT id, users FROM projection.issue_group WHERE users > 0",
    ),
    "release": (
        f"SELECT service, release, count(*) FROM ({KEPT}) AS k WHERE release IS NOT NULL GROUP BY 1, 2",
        "SELECT service, version, reports FROM projection.release",
    ),
    "hour": (
        f"SELECT stream, level, coalesce(environment, ''), count(*) FROM ({KEPT}) AS k GROUP BY 1, 2, 3",
        "SELECT issue_group, level, environment, sum(reports) FROM projection.group_hour"
        " WHERE level <> '' AND reports > 0 GROUP BY 1, 2, 3",
    ),
}


async def rows(url: str, query: str, *params: Any) -> list[Any]:
    async with await connect(url) as connection:
        return await (await connection.execute(query.encode(), params or None)).fetchall()


async def faults(url: str, then: list[Any]) -> list[str]:
    """What does not stand as it stood, or is not counted as the log has it."""
    found = ["totals"] if await rows(url, NOW, [row[0] for row in then]) != then else []
    for name, (log, counted) in COUNTS.items():
        if sorted(await rows(url, log)) != sorted(await rows(url, counted)):
            found.append(name)
    return found


@pytest.fixture
async def old(empty_urls: Urls) -> Urls:
    await first_release.make(empty_urls, filled=True)
    return empty_urls


async def test_what_the_first_release_stored_comes_through_whole(old: Urls) -> None:
    then = await rows(old.owner, THEN)
    hours = "SELECT * FROM projection.hour_count ORDER BY service, hour, level, environment"
    services = await rows(old.owner, hours)
    of_issues = "SELECT issue_group, hour, sum(reports) FROM projection.group_hour GROUP BY 1, 2"
    charts = [row for row in await rows(old.owner, of_issues) if row[2]]
    assert len(then) > 3 and {row[6] for row in then} >= {1, 3}
    await migrate(old.owner, old.service)
    assert await faults(old.owner, then) == []
    assert await rows(old.owner, hours) == services
    assert sorted(row for row in await rows(old.owner, of_issues) if row[2]) == sorted(charts)
    assert await projections.verify(old.owner) == []


async def test_deleting_an_old_issue_leaves_no_count_below_nothing(old: Urls) -> None:
    await migrate(old.owner, old.service)
    undated = "SELECT g.issue FROM projection.group_hour AS h JOIN projection.issue_group AS g"
    found = await rows(old.owner, f"{undated} ON g.id = h.issue_group WHERE h.level = '' AND h.reports > 0")
    database = Database(old.owner)
    await database.open()
    for issue in {issue for (issue,) in found}:
        await issues.change(database, issue, [IssueDeleted()], "system")
    await database.close()
    below = "SELECT service, hour, level, environment, reports FROM projection.hour_count WHERE reports < 0"
    assert found and await rows(old.owner, below) == []
    assert await projections.verify(old.owner) == []


async def test_its_issues_are_found_and_named(old: Urls) -> None:
    await migrate(old.owner, old.service)
    found = "SELECT title FROM projection.issue WHERE search @@ to_tsquery('simple', 'timeout & boom')"
    assert {title for (title,) in await rows(old.owner, found)} == {"boom number 4"}
    unnamed = "SELECT id FROM projection.issue WHERE NOT is_hidden AND (title IS NULL OR events = 0)"
    assert await rows(old.owner, unnamed) == []


async def test_the_words_of_a_deleted_report_are_not_counted(old: Urls) -> None:
    deleted = (
        "SELECT data -> 'tags' ->> 'cart' FROM log.report WHERE position IN (TABLE gone) AND data ? 'tags'"
    )
    gone = "WITH gone AS (SELECT position FROM projection.deleted_report) "
    words = [word for (word,) in await rows(old.owner, gone + deleted)]
    assert words
    await migrate(old.owner, old.service)
    counted = "SELECT value FROM projection.group_tag WHERE value = ANY(%s)"
    assert await rows(old.owner, counted, words) == []


async def test_without_the_upgrade_it_would_not_be_whole(old: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None:
        """The tables alone."""

    then = await rows(old.owner, THEN)
    monkeypatch.setattr(migrations, "upgrade", nothing)
    await migrate(old.owner, old.service)
    assert await faults(old.owner, then) == ["totals", *COUNTS]


async def test_what_was_cut_short_is_done_by_the_next(old: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(*_: object, **__: object) -> None:
        raise OSError("killed")

    then = await rows(old.owner, THEN)
    with monkeypatch.context() as patched:
        patched.setattr(projections, "rebuild", die)
        with pytest.raises(OSError, match="killed"):
            await migrate(old.owner, old.service)
    async with await connect(old.owner) as connection:
        with pytest.raises(SchemaError, match=r"0\.1\.0"):
            await check_schema(connection)
    await migrate(old.owner, old.service)
    assert await faults(old.owner, then) == []
    assert await projections.verify(old.owner) == []


async def test_what_was_never_sealed_is_replayed(empty_urls: Urls) -> None:
    await first_release.make(empty_urls, filled=False)
    database = Database(empty_urls.owner)
    await database.open()
    tags = [a_report(1, environment="prod", release="1.2", data={"tags": {"n": str(n)}}) for n in range(3)]
    await report(database, *tags, a_report(2, message="else", data={"user": {"id": "ada"}}))
    await database.close()
    then = await rows(empty_urls.owner, THEN)
    await migrate(empty_urls.owner, empty_urls.service)
    assert await faults(empty_urls.owner, then) == []


DATA = {"path": "/cart", "grouping": {"type": "Deep", "value": "why", "culprit": "pay", "hashes": ["a", "b"]}}


async def test_what_is_mended_in_steps_is_mended(
    database: Database, urls: Urls, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mending, "STEP_ROWS", 2)
    tags = {f"k{n}": str(n) for n in range(9)}
    await report(database, *(a_report(group, data={"tags": tags}) for group in range(1, 8)))
    await owner.execute(
        """
        UPDATE projection.issue SET events = events + 1;
        DELETE FROM projection.group_tag WHERE key <> 'k3';
        UPDATE projection.group_hour SET level = 'debug'
        """
    )
    assert await projections.verify(urls.owner) != []
    assert await projections.rebuild(urls.owner, in_steps=True) == []  # nothing is left for the last
    assert await projections.verify(urls.owner) == []


async def test_what_stands_right_is_compared_without_the_logs_lock(
    database: Database, urls: Urls, owner: Connection
) -> None:
    await report(database, a_report(1))
    await owner.execute("SELECT pg_advisory_lock(4711)")
    async with asyncio.timeout(10):
        assert await projections.rebuild(urls.owner) == []
        assert await projections.rebuild(urls.owner, in_steps=True) == []


@pytest.mark.parametrize("rounds", [1, 2])
async def test_what_goes_wrong_during_the_steps_is_mended_in_others_and_at_last_under_the_lock(
    database: Database, urls: Urls, owner: Connection, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    wrong = "UPDATE projection.issue SET events = events + 1"
    left = [wrong] * rounds

    async def then_goes_wrong(*args: Any) -> None:
        await mending.mend_in_steps(*args)
        if left:
            await owner.execute(left.pop().encode())

    monkeypatch.setattr(projections, "mend_in_steps", then_goes_wrong)
    await report(database, a_report(1))
    await owner.execute(wrong.encode())
    mended = await projections.rebuild(urls.owner, in_steps=True)
    assert {difference.table for difference in mended} == ({"issue"} if rounds == 2 else set())
    assert await projections.verify(urls.owner) == []


async def of_baseline(owner: Connection) -> dict[str, list[Any]]:
    names = ("issue", "issue_group", "group_hour", "group_minute", "group_tag", "group_user", "release")
    query = "SELECT to_jsonb(t) FROM baseline.{} AS t ORDER BY to_jsonb(t)"
    return {name: await (await owner.execute(query.format(name).encode())).fetchall() for name in names}


async def test_it_counts_what_the_folds_count(database: Database, urls: Urls, owner: Connection) -> None:
    many = [a_report(1, data={"tags": {"n": str(n), f"k{n}": "x"}, "user": {"id": n}}) for n in range(120)]
    await report(database, *many)
    await report(database, a_report(2, level="fatal", environment="prod", release="1.2", data=DATA))
    await report(database, a_report(2, level="debug", release="1.3", data={"tags": {"level": "mine"}}))
    head = await (await owner.execute("SELECT max(position), max(recorded_at) FROM log.event")).fetchone()
    assert head is not None
    await projections.seal(urls.owner, Cursor(*head))
    folded = await of_baseline(owner)
    async with owner.transaction():
        await owner.execute(as_query((SQL / "upgrade.sql").read_text()))
    assert await of_baseline(owner) == folded
    # The control: a fold that knew nothing of tags is noticed.
    await owner.execute("DELETE FROM baseline.group_tag WHERE value = 'x'")
    assert await of_baseline(owner) != folded


async def test_a_service_keeps_its_first_releases(database: Database, owner: Connection) -> None:
    releases = [*range(6), *range(3), *range(5, 20), *range(3)]
    await report(database, *(a_report(1, release=f"1.{n}") for n in releases))
    await report(database, a_report(2, service="web", release="1.19"))
    await owner.execute("UPDATE baseline.sealed SET position = (SELECT max(position) FROM log.event)")
    text = (SQL / "upgrade.sql").read_text()
    cap = "WHERE number <= 10000"
    assert cap in text
    async with owner.transaction():
        await owner.execute(as_query(text.replace(cap, "WHERE number <= 8")))
    kept = await owner.execute("SELECT version, reports FROM baseline.release WHERE service = 'api'")
    assert sorted(await kept.fetchall()) == [(f"1.{n}", releases.count(n)) for n in range(8)]


async def somebody_waits(url: str) -> bool:
    """Whether somebody waits for a lock on a table, at last."""
    async with asyncio.timeout(20):
        while True:
            if await rows(url, "SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation'"):
                return True
            await asyncio.sleep(0.02)


async def append_beside(old: Urls) -> None:
    """What an append locks, in its order, while a migration waits for it."""
    async with await connect(old.owner) as replica:
        await replica.execute("BEGIN")
        await replica.execute("LOCK TABLE log.event IN ROW EXCLUSIVE MODE")
        task = asyncio.create_task(migrate(old.owner, old.service))
        try:
            assert await somebody_waits(old.superuser)
            await replica.execute("LOCK TABLE projection.issue IN ROW EXCLUSIVE MODE NOWAIT")
        finally:
            await replica.execute("ROLLBACK")
            await task


async def test_a_migration_that_waits_for_the_log_is_in_nobodys_way(old: Urls) -> None:
    await append_beside(old)


async def test_one_that_took_the_tables_first_would_be(old: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: object) -> None:
        """No order."""

    monkeypatch.setattr(migrations, "_lock_log", nothing)
    with pytest.raises(psycopg.errors.LockNotAvailable):
        await append_beside(old)
