"""Days expire and deleted payload is purged; the projections stay what the log says, whoever crashes when."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon import event_store, issues, projections, retention, rewriting, scratch
from avalon.database import Database, connect
from avalon.errors import Conflict, Gone
from avalon.events import REPORTED, ErrorDeleted, Event, IssueDeleted, NewEvent, ServiceErased, uuid7
from tests.conftest import Urls
from tests.history import a_report as a_plain_report
from tests.history import report

Owner = psycopg.AsyncConnection[Any]
TODAY = datetime.now(UTC).date()


class Crash(Exception):
    """The process ends here."""


def a_report(group: int = 1, message: str = "boom", service: str = "api") -> NewEvent:
    return NewEvent(
        id=uuid7(),
        type=REPORTED,
        stream=UUID(int=group),
        service=service,
        level="error",
        actor=f"key:{UUID(int=9)}",
        data=msgspec.Raw(msgspec.json.encode({"message": message})),
    )


async def begin_day(owner: Owner, day: date) -> None:
    """Puts the log's clock ahead, to this day's noon."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    await owner.execute("SELECT setval('log.clock', %s)", [int(noon.timestamp() * 1_000_000)])


async def live_through(owner: Owner, database: Database, days: int, reports: int = 5) -> list[date]:
    """A few reports on each of so many days from today, and then the day after them."""
    lived = [TODAY + timedelta(days=n) for n in range(days)]
    for day in lived:
        await begin_day(owner, day)
        await event_store.append(database, [a_report(random.randrange(1, 4)) for _ in range(reports)])
    await begin_day(owner, TODAY + timedelta(days=days))
    await event_store.append(database, [a_report()])
    return lived


async def value(owner: Owner, query: str, *params: Any) -> Any:
    row = await (await owner.execute(query.encode(), params)).fetchone()
    return row[0] if row else None


async def until(is_so: Callable[[], Awaitable[bool]], deadline_s: float = 10) -> None:
    """Waits for something that another task or backend does."""
    async with asyncio.timeout(deadline_s):
        while not await is_so():  # noqa: ASYNC110 (it happens in Postgres)
            await asyncio.sleep(0.01)


async def stored_days(owner: Owner) -> list[date]:
    rows = await (
        await owner.execute("SELECT relname FROM pg_class WHERE relname ~ '^report_[0-9]{8}$' ORDER BY 1")
    ).fetchall()
    return [datetime.strptime(row[0], "report_%Y%m%d").date() for row in rows]


async def expired_facts(owner: Owner) -> list[dict[str, Any]]:
    rows = await (
        await owner.execute("SELECT data FROM log.event WHERE type = 'reports.expired' ORDER BY position")
    ).fetchall()
    return [row[0] for row in rows]


@asynccontextmanager
async def a_long_select(urls: Urls) -> AsyncIterator[None]:
    """A reader in the middle of its transaction, as a report or a dump is."""
    async with await connect(urls.owner, idle_in_transaction_session_timeout="0") as reader:
        await reader.set_autocommit(False)
        await reader.execute("SELECT count(*) FROM log.report")
        yield
        await reader.rollback()


async def test_expired_days_go_and_kept_days_stay(urls: Urls, database: Database, owner: Owner) -> None:
    first, second, third = await live_through(owner, database, 3)
    assert await projections.verify(urls.owner) == []
    assert await retention.expire_older_than(urls.owner, 1) == [first, second]
    assert (await stored_days(owner))[:2] == [third, third + timedelta(days=1)]
    facts = await expired_facts(owner)
    assert [(f["day"], f["reports"]) for f in facts] == [(first.isoformat(), 5), (second.isoformat(), 5)]
    assert await projections.verify(urls.owner) == []
    assert await value(owner, "SELECT sum(reports) FROM projection.hour_count") == 16
    assert await retention.expire_older_than(urls.owner, 1) == []


async def test_rebuild_is_exact_before_between_and_after(
    urls: Urls, database: Database, owner: Owner
) -> None:
    days = await live_through(owner, database, 3)
    for before in days:
        await owner.execute("UPDATE projection.hour_count SET reports = 0")
        assert await projections.rebuild(urls.owner)
        assert await value(owner, "SELECT sum(reports) FROM projection.hour_count") == 16
        await retention.expire(urls.owner, before)
        assert await projections.verify(urls.owner) == []
    assert await retention.expire(urls.owner, date(2999, 1, 1)) == days[2:]
    assert await projections.rebuild(urls.owner) == []


async def test_without_the_seal_a_rebuild_would_forget(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""

    async def no_seal(*_: Any) -> None: ...

    await live_through(owner, database, 2)
    monkeypatch.setattr(projections, "seal", no_seal)
    await retention.expire_older_than(urls.owner, 0)
    assert await projections.verify(urls.owner) != []


async def test_today_never_goes(urls: Urls, database: Database, owner: Owner) -> None:
    await event_store.append(database, [a_report()])
    assert await retention.expire(urls.owner, TODAY + timedelta(days=30)) == []
    await event_store.append(database, [a_report()])


async def test_a_reader_from_an_expired_day_is_told_so(urls: Urls, database: Database, owner: Owner) -> None:
    days = await live_through(owner, database, 2)
    batch = await event_store.read_after(database, event_store.START)
    of_first_day = [e for e in batch.events if e.recorded_at.date() == days[0] and e.type == REPORTED]
    await retention.expire(urls.owner, days[1])
    with pytest.raises(Gone):
        await event_store.cursor_at(database, of_first_day[0].position)
    after_it = await event_store.cursor_at(database, of_first_day[-1].position)
    missed = (await event_store.read_after(database, after_it)).events
    assert {e.position for e in missed} >= {e.position for e in batch.events[len(of_first_day) :]}


async def test_a_day_without_reports_goes_too(urls: Urls, database: Database, owner: Owner) -> None:
    await owner.execute("SELECT log.create_day(%s)", [TODAY - timedelta(days=5)])
    assert await retention.expire_older_than(urls.owner, 1) == [TODAY - timedelta(days=5)]
    assert (await expired_facts(owner))[0]["last_position"] == 0
    assert await projections.verify(urls.owner) == []


async def test_a_busy_reader_stops_nobody_and_is_not_stopped(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EXPIRE_LOCK_TIMEOUT", "500ms")
    days = await live_through(owner, database, 2)
    async with a_long_select(urls):
        expiring = asyncio.create_task(retention.expire_older_than(urls.owner, 0))
        appended = 0
        while not expiring.done():
            async with asyncio.timeout(0.4):
                await event_store.append(database, [a_report()])
            appended += 1
        assert await expiring == []
        assert appended > 3
        assert await retention.expire_older_than(urls.owner, 0) == []
        assert len(await expired_facts(owner)) == 1
        assert await projections.verify(urls.owner) == []
    assert await retention.expire_older_than(urls.owner, 0) == days
    assert len(await expired_facts(owner)) == 2
    assert await projections.verify(urls.owner) == []


@pytest.mark.parametrize("step", ["_seal_and_record", "_record", "_append", "_detach", "_drop"])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
async def test_a_crash_is_healed_by_the_next_run(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch, step: str, is_done: bool
) -> None:
    days = await live_through(owner, database, 2)
    original = getattr(retention, step)

    async def crash(*args: Any) -> None:
        if is_done:
            await original(*args)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(retention, step, crash)
        with pytest.raises(Crash):
            await retention.expire_older_than(urls.owner, 0)
    assert await projections.verify(urls.owner) == []
    await event_store.append(database, [a_report()])
    await retention.expire_older_than(urls.owner, 0)
    assert not set(await stored_days(owner)) & set(days)
    assert [f["day"] for f in await expired_facts(owner)] == [day.isoformat() for day in days]
    assert await projections.verify(urls.owner) == []
    assert await value(owner, "SELECT sum(reports) FROM projection.hour_count") == 12


async def test_a_backend_killed_while_it_detaches_is_healed(
    urls: Urls, database: Database, owner: Owner
) -> None:
    days = await live_through(owner, database, 1)
    async with a_long_select(urls):
        expiring = asyncio.create_task(retention.expire_older_than(urls.owner, 0))
        await until(lambda: value(owner, "SELECT count(*) > 0 FROM pg_inherits WHERE inhdetachpending"))
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE%DETACH%'"
            " AND pid <> pg_backend_pid() AND datname = current_database()"
        )
        with pytest.raises(psycopg.OperationalError):
            await expiring
    assert await projections.verify(urls.owner) == []
    assert await retention.expire_older_than(urls.owner, 0) == days
    assert await projections.verify(urls.owner) == []


async def test_a_table_that_somebody_detached_is_not_dropped(
    urls: Urls, database: Database, owner: Owner
) -> None:
    (day,) = await live_through(owner, database, 1)
    await owner.execute(f"ALTER TABLE log.report DETACH PARTITION log.report_{day:%Y%m%d}".encode())
    assert await retention.expire_older_than(urls.owner, 0) == []
    assert day in await stored_days(owner)


async def test_one_process_at_a_time(urls: Urls, database: Database, owner: Owner) -> None:
    days = await live_through(owner, database, 2)
    runs = await asyncio.gather(*(retention.expire_older_than(urls.owner, 0) for _ in range(4)))
    assert sorted(day for run in runs for day in run) == days
    assert len(await expired_facts(owner)) == 2


async def test_nothing_is_destroyed_under_a_replay(urls: Urls, database: Database, owner: Owner) -> None:
    days = await live_through(owner, database, 1)
    await owner.execute("SELECT pg_advisory_lock_shared(%s)", [scratch.MAINTENANCE_LOCK])
    assert await retention.expire_older_than(urls.owner, 0) == []
    with pytest.raises(Conflict):
        await retention.purge(urls.owner)
    await owner.execute("SELECT pg_advisory_unlock_shared(%s)", [scratch.MAINTENANCE_LOCK])
    assert await retention.expire_older_than(urls.owner, 0) == days


async def test_a_replay_holds_the_lock(urls: Urls, database: Database) -> None:
    await event_store.append(database, [a_report() for _ in range(3)])
    free: list[Any] = []

    def look(_: projections.Progress) -> None:
        with psycopg.connect(urls.owner, autocommit=True) as other:
            row = other.execute("SELECT pg_try_advisory_lock(%s)", [scratch.MAINTENANCE_LOCK]).fetchone()
            free.append(row)

    await projections.verify(urls.owner, look)
    assert free and set(free) == {(False,)}


async def test_keep_goes_on_after_a_failure(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    (day,) = await live_through(owner, database, 1)
    original = retention.expire_older_than
    calls: list[int] = []

    async def fail_first(owner_url: str, days: int) -> list[date]:
        calls.append(days)
        if len(calls) == 1:
            raise psycopg.OperationalError("away")
        return await original(owner_url, 0)

    monkeypatch.setattr(retention, "expire_older_than", fail_first)
    task = asyncio.create_task(retention.keep(urls.owner, 90, retry_s=0))
    await until(lambda: value(owner, "SELECT count(*) > 0 FROM projection.expired_day WHERE day = %s", day))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert calls[:2] == [90, 90]


async def test_days_that_are_kept_for_ever_need_no_loop(urls: Urls) -> None:
    async with asyncio.timeout(10):
        await retention.keep(urls.owner, 0)


async def delete(database: Database, victim: Event) -> None:
    fact = ErrorDeleted(
        report=victim.id,
        group=victim.stream,
        position=victim.position,
        occurred_at=victim.occurred_at,
        recorded_at=victim.recorded_at,
    )
    await event_store.append(database, [fact.new(victim.stream, "system", service="api", level="error")])


async def payload_left(owner: Owner, words: str) -> int:
    """How many rows of the log, the projections and the baseline still hold these words."""
    found: int = await value(
        owner,
        "SELECT (SELECT count(*) FROM log.event WHERE data::text LIKE %s)"
        " + (SELECT count(*) FROM projection.issue_group WHERE title LIKE %s)"
        " + (SELECT count(*) FROM baseline.issue_group WHERE title LIKE %s)",
        *[f"%{words}%"] * 3,
    )
    return found


async def test_a_purge_takes_deleted_words_away_and_nothing_else(
    urls: Urls, database: Database, owner: Owner
) -> None:
    await event_store.append(database, [a_report(1, "his address is Elm St"), a_report(2, "harmless")])
    await event_store.append(database, [a_report(3, "all of web Elm St", "web")])
    await projections.seal(urls.owner, await event_store.head(database))
    batch = await event_store.read_after(database, event_store.START)
    await delete(database, next(e for e in batch.events if e.type == REPORTED))
    erased = ServiceErased(before=datetime(2101, 1, 1, tzinfo=UTC))
    await event_store.append(database, [erased.new(uuid7(), "system", service="web")])
    assert await payload_left(owner, "Elm St")

    purged = await retention.purge(urls.owner)
    assert (purged.reports, purged.days) == (2, 1)
    assert await payload_left(owner, "Elm St") == 0
    assert await payload_left(owner, "harmless") == 3
    assert await projections.verify(urls.owner) == []
    fact = await value(owner, "SELECT data FROM log.event WHERE type = 'reports.purged'")
    assert fact == {}

    assert (await retention.purge(urls.owner)).reports == 0
    assert await value(owner, "SELECT count(*) FROM log.event WHERE type = 'reports.purged'") == 1


def files_with(urls: Urls, words: bytes) -> set[str]:
    """The tables, indexes and statistics whose files hold these words."""
    with psycopg.connect(urls.superuser, autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")
        found = superuser.execute(
            """
            SELECT c.oid::regclass::text, pg_read_binary_file(pg_relation_filepath(c.oid))
            FROM pg_class AS c
            WHERE c.relkind IN ('r', 'i', 't') AND pg_relation_size(c.oid) > 0
              AND (
                c.relnamespace = ANY('{log,projection,baseline}'::regnamespace[])
                OR c.oid IN (
                  SELECT reltoastrelid FROM pg_class
                  WHERE relnamespace = ANY('{log,projection,baseline}'::regnamespace[])
                )
              )
            UNION ALL
            SELECT 'pg_stats of ' || schemaname || '.' || tablename, convert_to(s::text, 'UTF8')
            FROM pg_stats AS s
            UNION ALL
            SELECT 'pg_stats_ext of ' || tablename, convert_to(s::text, 'UTF8')
            FROM pg_stats_ext AS s
            """
        ).fetchall()
    return {name for name, content in found if words in content}


async def write_and_delete(urls: Urls, database: Database, owner: Owner, kept: int = 1) -> None:
    """Hundreds of reports and some comments, sealed and analyzed, then deleted: whole pages of them."""
    told = {"tags": {"mail": "elmo@street"}, "user": {"id": "elmo"}}
    await report(database, *[a_plain_report(g, message="harmless") for g in range(1, 1 + kept)])
    for start in range(100, 500, 100):
        reports = [
            a_plain_report(g, message=f"elmo{g} " * 20, service="web", data=told)
            for g in range(start, start + 100)
        ]
        await report(database, *reports)
    for _ in range(50):
        await issues.comment(database, UUID(int=100), "elmo said " * 50, f"user:{UUID(int=7)}")
    await projections.seal(urls.owner, await event_store.head(database))
    await owner.execute(b"ANALYZE")
    await issues.change(database, UUID(int=100), [IssueDeleted()], "system")
    erased = ServiceErased(before=datetime(2101, 1, 1, tzinfo=UTC))
    await event_store.append(database, [erased.new(uuid7(), "system", service="web")])


@pytest.mark.parametrize("kept", [1, 0], ids=["some are left", "none is left"])
async def test_a_purge_leaves_no_bytes_in_the_files(
    urls: Urls, database: Database, owner: Owner, kept: int
) -> None:
    await write_and_delete(urls, database, owner, kept)
    said: list[str] = []
    assert (await retention.purge(urls.owner, say=said.append)).reports == 400
    assert files_with(urls, b"elmo") == set()
    assert (said[0], len(said)) == (f"day {TODAY}", 2)
    assert bool(files_with(urls, b"harmless")) == bool(kept)
    assert await projections.verify(urls.owner) == []


async def test_without_the_rewriting_bytes_and_statistics_remain(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next purge finds what a crash left, though there is nothing to blank any more."""
    await write_and_delete(urls, database, owner)

    async def crash(*_: Any) -> list[str]:
        await owner.execute(b"VACUUM")
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(rewriting, "rewrite", crash)
        with pytest.raises(Crash):
            await retention.purge(urls.owner)
    day = f"log.report_{TODAY:%Y%m%d}"
    assert {day, f"pg_stats of {day}", "projection.issue", "projection.issue_search"} <= files_with(
        urls, b"elmo"
    )
    assert (await retention.purge(urls.owner)).reports == 0
    assert files_with(urls, b"elmo") == set()


async def test_a_table_in_use_is_left_to_the_next_purge(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_and_delete(urls, database, owner)
    monkeypatch.setattr(rewriting, "PATIENCE", "100ms")
    monkeypatch.setattr(rewriting, "TRIES", 1)
    said: list[str] = []
    is_said = asyncio.Event()

    def hear(line: str) -> None:
        said.append(line)
        if line.startswith("bytes"):
            is_said.set()

    async with await connect(urls.owner, idle_in_transaction_session_timeout="0") as reader:
        await reader.set_autocommit(False)
        await reader.execute("LOCK TABLE projection.issue_comment IN ACCESS SHARE MODE")
        async with asyncio.TaskGroup() as tasks:
            purge = tasks.create_task(retention.purge(urls.owner, say=hear))
            await is_said.wait()
            await reader.rollback()
    assert purge.done() and len(said) == 3
    assert "remain in projection.issue_comment, which is in use" in said[2]
    assert await value(owner, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    await retention.purge(urls.owner, say=said.append)
    assert said[3] == said[0] and said[4].startswith("tables to write anew: 1,") and len(said) == 5
    assert files_with(urls, b"elmo") == set()


async def test_a_purge_outlives_who_still_reads_what_was_deleted(
    urls: Urls, database: Database, owner: Owner
) -> None:
    await write_and_delete(urls, database, owner)
    async with await connect(urls.service, idle_in_transaction_session_timeout="0") as reader:
        await reader.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await reader.set_autocommit(False)
        await reader.execute("SELECT 1")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(retention.purge(urls.owner))
            waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'virtualxid' AND NOT granted)"
            await until(lambda: value(owner, waits))
            await reader.rollback()
    assert files_with(urls, b"elmo") == set()


async def test_a_day_too_large_to_write_anew_beside_appends_is_done_when_it_is_over(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_and_delete(urls, database, owner)
    monkeypatch.setattr(rewriting, "PATIENCE", "1ms")
    said: list[str] = []
    await retention.purge(urls.owner, say=said.append)
    day = f"log.report_{TODAY:%Y%m%d}"
    assert any(f"in {day}," in line for line in said)
    left = files_with(urls, b"elmo")
    assert day in left
    assert not any("pg_stats" in name or "issue_search" in name for name in left)
    await begin_day(owner, TODAY + timedelta(days=1))
    await retention.purge(urls.owner)
    assert day not in files_with(urls, b"elmo")


async def test_a_purge_takes_its_time_while_the_service_is_stopped(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_and_delete(urls, database, owner)
    monkeypatch.setattr(rewriting, "PATIENCE", "1ms")
    await retention.purge(urls.owner)
    assert files_with(urls, b"elmo")
    name = owner.info.dbname
    await database.close()
    await owner.close()
    with psycopg.connect(urls.superuser, dbname="postgres", autocommit=True) as other:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename IS NOT NULL"

        async def is_alone() -> bool:
            return other.execute(query, [name]).fetchone() == (0,)

        await until(is_alone)
    said: list[str] = []
    await retention.purge(urls.owner, say=said.append)
    assert not any("remain" in line for line in said)
    assert files_with(urls, b"elmo") == set()


async def test_a_purge_cut_short_is_finished_by_the_next(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await event_store.append(database, [a_report(1, "Elm St"), a_report(2)])
    batch = await event_store.read_after(database, event_store.START)
    await delete(database, next(e for e in batch.events if e.type == REPORTED))

    async def crash(*_: Any) -> int:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_blank", crash)
        with pytest.raises(Crash):
            await retention.purge(urls.owner)
    assert await projections.verify(urls.owner) == []
    assert (await retention.purge(urls.owner)).reports == 1
    assert await projections.verify(urls.owner) == []
