"""The feed: order, no gaps, and what happens while Postgres is away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from avalon import event_store
from avalon.database import Database
from avalon.errors import Gone, Unavailable
from avalon.event_store import EVERYTHING, FACTS, START, Batch, Cursor, Wanted
from avalon.events import REPORTED, ApiKeyDeleted, uuid7
from avalon.feed import Feed, follow
from avalon.listener import Doorbell
from tests.conftest import Urls
from tests.live.rig import DEADLINE_S, a_report, until

FOLLOWED_DAYS = 40


async def _positions(database: Database, doorbell: Doorbell, into: list[int]) -> None:
    async for batch in follow(database, doorbell, START, EVERYTHING, poll_s=0.05, pause_s=0.0):
        into += [event.position for event in batch.events if event.type == REPORTED]


async def test_a_ring_during_the_read_is_not_lost() -> None:
    doorbell = Doorbell()
    doorbell.ring()
    assert await doorbell.wait(10)
    doorbell.ring()
    doorbell.ring()
    assert await doorbell.wait(10)
    assert not await doorbell.wait(0)


async def test_an_outage_is_survived(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    follower = asyncio.create_task(_positions(database, Doorbell(), seen))
    read_after = event_store.read_after
    failures = [Unavailable(), psycopg.errors.UndefinedTable(), TimeoutError()]

    async def failing(*args: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return await read_after(*args, **options)

    monkeypatch.setattr(event_store, "read_after", failing)
    stored = await event_store.append(database, [a_report(), a_report()])
    await until(lambda: seen)
    follower.cancel()
    assert seen == [s.position for s in stored]
    assert not failures


async def test_a_log_that_ends_before_the_cursor_is_told(database: Database) -> None:
    (stored,) = await event_store.append(database, [a_report()])
    ahead = Cursor(stored.position + 100, datetime.now(UTC) - timedelta(minutes=1))
    with pytest.raises(Gone):
        await Feed(database, Doorbell(), ahead).read()
    restored = Cursor(stored.position, datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(Gone):
        await Feed(database, Doorbell(), restored).read()


async def test_a_read_that_became_too_narrow_is_made_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [FACTS]
    read_after = event_store.read_after
    asked: list[Wanted] = []

    async def slow(database: Database, cursor: Cursor, what: Wanted, **options: Any) -> Any:
        asked.append(what)
        batch = await read_after(database, cursor, what, **options)
        wanted[0] = Wanted(services=("api",))  # somebody joins before the answer is here
        return batch

    monkeypatch.setattr(event_store, "read_after", slow)
    await event_store.append(database, [a_report()])
    batch = await Feed(database, Doorbell(), START, lambda: wanted[0]).read()
    assert asked == [FACTS, Wanted(services=("api",))]
    assert [event.type for event in batch.events] == [REPORTED, "issue.opened"]


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        (EVERYTHING, Wanted(services=("a",)), True),
        (Wanted(services=("a",)), EVERYTHING, False),
        (Wanted(services=("a", "b")), Wanted(services=("a",)), True),
        (Wanted(services=("a",)), Wanted(services=("a",), levels=("fatal",)), False),
        (FACTS, FACTS, True),
        (FACTS, Wanted(levels=("fatal",)), False),
    ],
)
def test_what_a_read_covers(wide: Wanted, narrow: Wanted, covers: bool) -> None:
    assert wide.covers(narrow) is covers


async def test_an_empty_batch_says_how_far_the_log_went(database: Database) -> None:
    await event_store.append(database, [ApiKeyDeleted().new(uuid7(), "system")])
    batches = follow(database, Doorbell(), await event_store.head(database), Wanted(services=("none",)))
    await event_store.append(database, [a_report()])
    (second,) = await event_store.append(database, [a_report()])
    seen = [await anext(batches)]
    await batches.aclose()  # type: ignore[attr-defined]
    assert [e.type for e in seen[0].events] == ["issue.opened"]
    assert seen[0].cursor.position == second.position


async def _make_days(urls: Urls, database: Database, owner: psycopg.AsyncConnection[Any]) -> tuple[int, int]:
    """Every append makes its own day while somebody follows; how many were stored, and how many seen."""
    seen: list[int] = []
    doorbells = [Doorbell() for _ in range(3)]
    followers = [asyncio.create_task(_positions(database, bell, seen)) for bell in doorbells]
    for day in range(1, FOLLOWED_DAYS + 1):
        later = int((datetime.now(UTC) + timedelta(days=2 * day)).timestamp() * 1_000_000)
        await owner.execute("SELECT setval('log.clock', %s)", [later])
        appending = asyncio.create_task(event_store.append(database, [a_report(group=day)]))
        while not appending.done():
            for bell in doorbells:
                bell.ring()
            await asyncio.sleep(0)
    last = (await event_store.head(database)).position
    (end,) = await event_store.append(database, [a_report(group=1)])
    await until(lambda: seen.count(end.position) == len(followers))
    for follower in followers:
        follower.cancel()
    assert end.position > last
    return len(followers) * (FOLLOWED_DAYS + 1), len(seen)


async def test_the_first_report_of_a_day_is_not_missed(
    urls: Urls, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    """Its append makes the day's partition, which a plan made in that instant does not know."""
    stored, seen = await _make_days(urls, database, owner)
    assert seen == stored


async def _read_into_a_new_day(database: Database, owner: psycopg.AsyncConnection[Any]) -> list[int]:
    """The groups that a read finds which is planned before the commit that makes a day, and looks behind it.

    It is held between the two by a lock on the day before, which its plan has to open.
    """
    await event_store.append(database, [a_report(group=1)])
    cursor = await owner.execute("SELECT tableoid::regclass::text FROM log.event WHERE type = %s", [REPORTED])
    ((today,),) = await cursor.fetchall()
    await owner.execute(f"LOCK TABLE {today} IN ACCESS EXCLUSIVE MODE".encode())
    later = int((datetime.now(UTC) + timedelta(days=2)).timestamp() * 1_000_000)
    await owner.execute("SELECT setval('log.clock', %s)", [later])
    body = b"[" + a_report(group=2).encode() + b"]"
    await owner.execute(event_store.sql.append, {"events": body.decode()})
    reading = asyncio.create_task(event_store.read_after(database, START))
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %(today)s::regclass AND NOT granted)"
    async with asyncio.timeout(DEADLINE_S):
        while not await database.fetch_value(waits, {"today": today}):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await owner.commit()
    return [event.stream.int for event in (await reading).events if event.type == REPORTED]


async def test_a_read_that_was_planned_before_a_day_began_is_made_again(
    database: Database, urls: Urls
) -> None:
    async with await psycopg.AsyncConnection.connect(urls.owner) as owner:
        assert await _read_into_a_new_day(database, owner) == [1, 2]


async def test_made_once_it_misses_the_days_first_report(
    database: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""

    async def read_once(database: Database, cursor: Cursor, wanted: Wanted = EVERYTHING) -> Batch:
        params = {"position": cursor.position, "recorded_at": cursor.recorded_at, "row_limit": 500}
        params |= {"everything": True, "services": [], "levels": [], "issues": [], "brief": True}
        return await event_store._read(database, event_store.sql.read_after, params, cursor)

    monkeypatch.setattr(event_store, "read_after", read_once)
    async with await psycopg.AsyncConnection.connect(urls.owner) as owner:
        assert await _read_into_a_new_day(database, owner) == [1]
