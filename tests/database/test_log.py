"""The log's own promises: order, retries, append-only, clocks, days."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, cast
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon import event_store
from avalon.database import Database
from avalon.event_store import EVERYTHING, FACTS, START, Cursor
from avalon.events import REPORTED, ApiKeyDeleted, NewEvent, uuid7
from tests.conftest import Urls


def a_report(group: int = 1, **columns: Any) -> NewEvent:
    values: dict[str, Any] = {
        "id": uuid7(),
        "type": REPORTED,
        "stream": UUID(int=group),
        "service": "api",
        "level": "error",
        "actor": f"key:{UUID(int=9)}",
        "data": msgspec.Raw(b'{"message":"boom"}'),
    }
    return NewEvent(**values | columns)


async def test_an_append_answers_in_order_and_can_be_read(database: Database) -> None:
    events = [a_report(group) for group in (1, 2, 1)]
    stored = await event_store.append(database, events)
    assert [s.id for s in stored] == [e.id for e in events]
    assert sorted(s.position for s in stored) == [s.position for s in stored]
    batch = await event_store.read_after(database, START, EVERYTHING)
    reports = [e for e in batch.events if e.type == REPORTED]
    assert [e.id for e in reports] == [e.id for e in events]
    assert [e.type for e in batch.events].count("issue.opened") == 2
    assert {e.issue for e in reports} == {UUID(int=1), UUID(int=2)}


async def test_a_retry_is_stored_once_and_answers_the_same(database: Database) -> None:
    event = a_report()
    first, again = await event_store.append(database, [event, event])
    assert first.position == again.position
    (later,) = await event_store.append(database, [event])
    assert (later.position, later.is_retry) == (first.position, True)
    assert await database.fetch_value("SELECT count(*) FROM log.event WHERE type = 'error.reported'") == 1


async def test_the_same_id_of_another_service_is_another_event(database: Database) -> None:
    event = a_report()
    other = msgspec.structs.replace(event, service="web")
    one, two = await event_store.append(database, [event, other])
    assert one.position != two.position


async def test_a_clock_in_the_future_is_clamped(database: Database) -> None:
    await event_store.append(database, [a_report(occurred_at=datetime.now(UTC) + timedelta(days=400))])
    ahead = await database.fetch_value(
        "SELECT max(occurred_at - recorded_at) FROM log.event WHERE type = 'error.reported'"
    )
    assert ahead == timedelta(minutes=1)


async def test_recorded_at_never_goes_back(database: Database, owner: psycopg.AsyncConnection[Any]) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=3)
    await owner.execute("SELECT setval('log.clock', %s)", [int(ahead.timestamp() * 1_000_000)])
    await event_store.append(database, [a_report()])
    await event_store.append(database, [a_report()])
    early = await database.fetch_value(
        "SELECT count(*) FROM log.event WHERE recorded_at < %(t)s", {"t": ahead}
    )
    assert early == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.event SET level = 'info'",
        "DELETE FROM log.event",
        "TRUNCATE log.event",
        "INSERT INTO log.report (id) VALUES (gen_random_uuid())",
        "INSERT INTO log.event (position, id, type, stream, occurred_at, actor, data) "
        "OVERRIDING SYSTEM VALUE VALUES (1, gen_random_uuid(), 'a.b', gen_random_uuid(), now(), 'x', '{}')",
        "INSERT INTO log.event (recorded_at, id, type, stream, occurred_at, actor, data) "
        "VALUES (now(), gen_random_uuid(), 'a.b', gen_random_uuid(), now(), 'x', '{}')",
        "SELECT setval('log.clock', 1)",
        "ALTER TABLE log.event DISABLE TRIGGER ALL",
        "UPDATE projection.issue_group SET reports = 0",
        "SELECT log.create_day('2026-01-01')",
        "SELECT log.blank('2026-01-01', 1)",
        "SELECT log.blank_comments(1)",
        "SET session_replication_role = replica",
        "CREATE TABLE log.mine (x int)",
        "SELECT 1 FROM log.report",
        "SET ROLE avalon",
    ],
)
async def test_the_service_can_only_append(database: Database, statement: str) -> None:
    await event_store.append(database, [a_report()])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await database.execute(cast("LiteralString", statement))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log.event SET level = 'info'",
        "UPDATE log.report SET level = 'info'",
        "UPDATE log.fact SET data = '{\"purged\": true}'",
        "SELECT set_config('avalon.purge', 'on', false); UPDATE log.fact SET data = '{}'",
        "SELECT set_config('avalon.purge', 'on', false); UPDATE log.report SET data = '{}'",
        "DELETE FROM log.event",
        "DELETE FROM log.report",
        "DELETE FROM log.fact",
        "TRUNCATE log.event",
    ],
)
async def test_even_the_owner_can_not_change_the_log(
    database: Database, owner: psycopg.AsyncConnection[Any], change: str
) -> None:
    await event_store.append(database, [a_report()])
    with pytest.raises(psycopg.errors.RestrictViolation):
        await owner.execute(change.encode())


async def test_a_refused_event_refuses_the_whole_statement(database: Database) -> None:
    with pytest.raises(psycopg.errors.IntegrityError):
        await event_store.append(database, [a_report(), a_report(level="loud")])
    assert await database.fetch_value("SELECT count(*) FROM log.event") == 0


async def test_reading_facts_alone_moves_the_cursor_past_reports(database: Database) -> None:
    await event_store.append(database, [ApiKeyDeleted().new(uuid7(), "system")])
    (last,) = await event_store.append(database, [a_report()])
    batch = await event_store.read_after(database, START, FACTS)
    assert [e.type for e in batch.events] == ["api_key.deleted", "issue.opened"]
    assert batch.is_last
    assert batch.cursor.position > last.position


async def test_a_short_read_goes_on_where_it_ended(database: Database) -> None:
    await event_store.append(database, [a_report() for _ in range(7)])
    seen: list[int] = []
    cursor = START
    while True:
        batch = await event_store.read_after(database, cursor, EVERYTHING, limit=3)
        seen += [e.position for e in batch.events]
        cursor = batch.cursor
        if batch.is_last:
            break
    assert seen == sorted(set(seen))
    assert len(seen) == 8


async def _write_late(urls: Urls, rounds: int) -> int:
    """Appends in open transactions with delays and rollbacks; the number of committed reports."""
    committed = 0
    connection = await psycopg.AsyncConnection.connect(urls.service)
    async with connection:
        for _ in range(rounds):
            event = a_report(random.randrange(5)).encode()
            await connection.execute(event_store.sql.append, {"events": (b"[" + event + b"]").decode()})
            await asyncio.sleep(random.random() * 0.02)
            if random.random() < 0.2:
                await connection.rollback()
            else:
                await connection.commit()
                committed += 1
    return committed


async def _follow(database: Database, done: asyncio.Event) -> list[int]:
    seen: list[int] = []
    cursor = START
    while True:
        finished = done.is_set()
        batch = await event_store.read_after(database, cursor, EVERYTHING)
        seen += [e.position for e in batch.events if e.type == REPORTED]
        cursor = batch.cursor
        if finished and batch.is_last:
            return seen


async def _race(urls: Urls, database: Database) -> tuple[int, int, list[int]]:
    done = asyncio.Event()
    reader = asyncio.create_task(_follow(database, done))
    committed = sum(await asyncio.gather(*(_write_late(urls, 25) for _ in range(6))))
    done.set()
    seen = await reader
    stored: int = await database.fetch_value("SELECT count(*) FROM log.event WHERE type = 'error.reported'")
    return committed, stored, seen


async def test_an_event_committed_late_is_not_skipped(urls: Urls, database: Database) -> None:
    committed, stored, seen = await _race(urls, database)
    assert committed == stored == len(seen)
    assert seen == sorted(set(seen))


async def test_without_the_lock_a_late_event_is_skipped(
    urls: Urls, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    """The control of the test above: the same race with the lock taken out of its function."""
    source = await (await owner.execute("SELECT pg_get_functiondef('log.take_lock'::regproc)")).fetchone()
    assert source is not None
    without = source[0].replace("PERFORM pg_advisory_xact_lock(4711);", "")
    # The folds' rows would serialise the writers just as well: this race is about the log alone.
    triggers = await (
        await owner.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'log.event'::regclass AND tgname ~ '_[58]'"
        )
    ).fetchall()
    for (name,) in triggers:
        await owner.execute(f"DROP TRIGGER {name} ON log.event".encode())
    await event_store.append(database, [a_report()])
    await owner.execute(without)
    committed, stored, seen = await _race(urls, database)
    assert committed + 1 == stored
    assert len(seen) < stored


async def test_a_day_that_is_missing_is_made_by_the_append(
    database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await owner.execute("SELECT setval('log.clock', %s)", [int(tomorrow.timestamp() * 1_000_000)])
    await event_store.append(database, [a_report()])
    leaf = f"log.report_{tomorrow:%Y%m%d}"
    row = await (await owner.execute(f"SELECT count(*) FROM {leaf}")).fetchone()
    assert row == (1,)


async def test_a_lost_timeline_is_told_apart(database: Database, owner: psycopg.AsyncConnection[Any]) -> None:
    assert await database.fetch_value("SELECT log.start_epoch()") is True
    assert await database.fetch_value("SELECT log.start_epoch()") is False
    (before,) = await event_store.append(database, [a_report()])
    head = (await event_store.head(database)).position
    await owner.execute("UPDATE projection.epoch SET timeline = timeline + 1")
    assert await database.fetch_value("SELECT log.start_epoch()") is True
    (after,) = await event_store.append(database, [a_report()])
    assert after.position > before.position + 1_000_000
    assert (await event_store.cursor_at(database, before.position)).position == before.position
    with pytest.raises(event_store.Gone):
        await event_store.cursor_at(database, head + 500)
    with pytest.raises(event_store.Gone):
        await event_store.cursor_at(database, after.position + 5)


async def test_the_cursor_of_a_position_knows_its_day(database: Database) -> None:
    (stored,) = await event_store.append(database, [a_report()])
    cursor = await event_store.cursor_at(database, stored.position)
    assert isinstance(cursor, Cursor)
    assert abs(cursor.recorded_at - datetime.now(UTC)) < timedelta(minutes=1)
