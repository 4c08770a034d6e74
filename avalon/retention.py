"""Destroys what may be destroyed: days of reports past their time (`expire`), and deleted payload (`purge`).

Both seal the baseline first, so that rebuild and verify stay exact. A day goes in four steps: sealed past,
recorded as a fact (from then on a reader with an older cursor is told `gone`), detached, dropped. Each step
looks at what stands, so the next run heals a crash after any of them. A table that was detached but never
recorded is not ours to drop: somebody archives or restores it. `keep` runs on every replica; the maintenance
lock lets one of them work. Where a reader is busy with a day, nobody waits for it: the next hour goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString, TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from avalon import event_store, minutes, projections, rewriting
from avalon.database import Params, connect
from avalon.errors import AvalonError, Conflict
from avalon.event_store import START, Cursor
from avalon.events import SYSTEM, ZERO, Fact, ReportsExpired, ReportsPurged
from avalon.scratch import MAINTENANCE_LOCK, Report
from avalon.statements import load
from avalon.telemetry import Action, log

statements = load("retention")

Connection = psycopg.AsyncConnection[Any]
Row = TypeVar("Row")

EVERY_S = 3600.0
RETRY_S = 300.0
# A day waits for its readers so long and then for the next hour; nobody waits behind it meanwhile.
EXPIRE_LOCK_TIMEOUT, PURGE_LOCK_TIMEOUT = "2s", "60s"


class Leaf(msgspec.Struct, frozen=True):
    """A day's table: attached, on its way out (pending), or detached; recorded where the log says so."""

    table: str
    day: date
    is_attached: bool
    is_pending: bool
    is_recorded: bool


class Extent(msgspec.Struct, frozen=True):
    """What a day holds."""

    reports: int
    last_position: int | None
    last_recorded_at: datetime | None


class LastPurge(msgspec.Struct, frozen=True):
    """Where the last purge stands in the log (0: there was none); due where something was deleted since."""

    purged: int
    is_due: bool


class Purged(msgspec.Struct, frozen=True):
    """What a purge did. `days` are those that it looked through."""

    reports: int
    comments: int
    days: int
    sealed: int


async def keep(owner_url: str, days: int, *, every_s: float = EVERY_S, retry_s: float = RETRY_S) -> None:
    """Drops days as they expire, hour by hour; returns at once where all is kept (0 days), else never.

    A failure is logged, and tried again five minutes later.
    """
    while days:
        try:
            await expire_older_than(owner_url, days)
            pause_s = every_s
        except (AvalonError, psycopg.Error, OSError) as error:
            log(Action.RETENTION_FAILED, level="error", error=type(error).__name__)
            pause_s = retry_s
        await asyncio.sleep(pause_s)


async def expire_older_than(owner_url: str, days: int) -> list[date]:
    """Drops the days before the last `days` full ones, by the log's clock; says which."""
    async with _alone(owner_url) as connection:
        return await _expire(owner_url, connection, await _day_before(connection, days)) if connection else []


async def expire(owner_url: str, before: date) -> list[date]:
    """Drops the days before a date, but never today; says which. None where another process is at it."""
    async with _alone(owner_url) as connection:
        if connection is None:
            return []
        return await _expire(owner_url, connection, min(before, await _day_before(connection, 0)))


async def purge(
    owner_url: str,
    report: Report = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Purged:
    """Blanks deleted reports and comments, in the files too. Raises Conflict where others are at work.

    The fact comes first, under the log's lock: from then on no deletion before it can be undone. An issue
    that is deleted behind it is left to the next purge, which also does what a crash left undone.
    """
    async with _alone(owner_url, PURGE_LOCK_TIMEOUT) as connection:
        if connection is None:
            raise Conflict("retention, another purge, a rebuild or a verify is at work; try again after it")
        if (await _last_purge(connection)).is_due:
            await rewriting.mark(connection, rewriting.FOLDED)
            await _append(connection, ReportsPurged())
        # That fact takes the tombs of deleted issues away: sealing past it, out of the baseline too.
        head = await _fetch(connection, Cursor, event_store.sql.head)
        sealed = await projections.seal(owner_url, head[0] if head else START, report)
        purged = (await _last_purge(connection)).purged
        leaves = await _fetch(connection, Leaf, statements.leaves_to_blank)
        blanked = 0
        for leaf in leaves:
            say(f"day {leaf.day}")
            blanked += await _blank(connection, leaf, purged)
        comments = await _count(connection, statements.blank_comments, {"purged": purged})
        await rewriting.rewrite(connection, say)
        return Purged(blanked, comments, len(leaves), sealed.position)


async def _last_purge(connection: Connection) -> LastPurge:
    (found,) = await _fetch(connection, LastPurge, statements.last_purge)
    return found


@asynccontextmanager
async def _alone(owner_url: str, lock_timeout: str | None = None) -> AsyncIterator[Connection | None]:
    """The owner's connection, with the maintenance lock; None where another process holds that."""
    lock_timeout = lock_timeout or EXPIRE_LOCK_TIMEOUT
    async with await connect(owner_url, lock_timeout=lock_timeout, statement_timeout="0") as connection:
        cursor = await connection.execute(statements.try_lock, {"key": MAINTENANCE_LOCK})
        row = await cursor.fetchone()
        try:
            yield connection if row and row[0] else None
        finally:
            if not connection.closed:
                await connection.execute("SELECT pg_advisory_unlock_all()")


async def _day_before(connection: Connection, days: int) -> date:
    """The log's today, less so many days."""
    cursor = await connection.execute(statements.day_before, {"days": days})
    row = await cursor.fetchone()
    assert row is not None
    found: date = row[0]
    return found


async def _expire(owner_url: str, connection: Connection, before: date) -> list[date]:
    """What an earlier run left half done, then the expired days, oldest first."""
    dropped: list[date] = []
    try:
        for leaf in await _fetch(connection, Leaf, statements.leaves):
            if leaf.is_pending:
                await _finalise(connection, leaf)
        for leaf in await _fetch(connection, Leaf, statements.leaves):
            if leaf.is_attached and leaf.day < before:
                await _seal_and_record(owner_url, connection, leaf)
                await _detach(connection, leaf)
            elif leaf.is_attached or not leaf.is_recorded:
                continue
            await _drop(connection, leaf)
            dropped.append(leaf.day)
    except psycopg.errors.LockNotAvailable:
        log(Action.RETENTION_FAILED, level="warning", error="LockNotAvailable")
    return dropped


async def _seal_and_record(owner_url: str, connection: Connection, leaf: Leaf) -> None:
    (extent,) = await _fetch(connection, Extent, statements.extent, {"day": leaf.day})
    if extent.last_position is not None and extent.last_recorded_at is not None:
        await projections.seal(owner_url, Cursor(extent.last_position, extent.last_recorded_at))
    if not leaf.is_recorded:
        # In parts first: the fact of the day takes the last ones, and everybody waits while it does.
        midnight = datetime.combine(leaf.day + timedelta(days=1), time(), UTC)
        await minutes.expire_minutes(connection, midnight)
        await _record(connection, leaf, extent)


async def _record(connection: Connection, leaf: Leaf, extent: Extent) -> None:
    """Position 0 for a day without reports: nobody missed anything."""
    last = extent.last_position or 0
    fact = ReportsExpired(day=leaf.day.isoformat(), last_position=last, reports=extent.reports)
    await _append(connection, fact)
    log(Action.RETENTION_EXPIRED, day=fact.day, reports=fact.reports, last_position=last)


async def _append(connection: Connection, fact: Fact) -> None:
    event = fact.new(ZERO, SYSTEM)
    await event_store.append_encoded(connection, [(event.id, event.service, event.encode())])


async def _finalise(connection: Connection, leaf: Leaf) -> None:
    await connection.execute(_named("ALTER TABLE log.report DETACH PARTITION log.{} FINALIZE", leaf))


async def _detach(connection: Connection, leaf: Leaf) -> None:
    """Plain DETACH, or DROP of an attached table, would stop all appends behind any open SELECT."""
    await connection.execute(_named("ALTER TABLE log.report DETACH PARTITION log.{} CONCURRENTLY", leaf))


async def _drop(connection: Connection, leaf: Leaf) -> None:
    await connection.execute(_named("DROP TABLE log.{}", leaf))


async def _blank(connection: Connection, leaf: Leaf, purged: int) -> int:
    """Blanks one day. The bytes stand in the file until the table is rewritten."""
    async with connection.transaction():
        blanked = await _count(connection, statements.blank, {"day": leaf.day, "purged": purged})
        if blanked:
            await rewriting.mark(connection, [("log", leaf.table)])
    return blanked


async def _count(connection: Connection, query: LiteralString, params: Params) -> int:
    row = await (await connection.execute(query, params)).fetchone()
    return int(row[0]) if row else 0


def _named(query: LiteralString, leaf: Leaf) -> sql.Composed:
    return sql.SQL(query).format(sql.Identifier(leaf.table))


async def _fetch(
    connection: Connection, row: type[Row], query: LiteralString, params: Params | None = None
) -> list[Row]:
    cursor = connection.cursor(row_factory=class_row(row))
    await cursor.execute(query, params)
    return await cursor.fetchall()
