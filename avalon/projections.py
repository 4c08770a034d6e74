"""Makes the projections again from the log: aside for `verify`, in place for `rebuild`, ahead for `seal`.

All three replay beside the running service, in a scratch schema (`avalon.scratch`). Tables are compared in a
snapshot, without the log's lock: folds are deterministic, so what is equal at one position stays equal. Only
`rebuild` takes the lock, and only where it found something: for as long as it compares the tables again, or
for a few thousand rows at a time (`in_steps`). Verify and rebuild begin at the sealed baseline, which `seal`
moves forward before payload is destroyed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from psycopg import sql
from psycopg.rows import dict_row

from avalon.event_store import Cursor
from avalon.mending import mend, mend_in_steps
from avalon.scratch import Progress, Report, Scratch, a_scratch, copy, replay, tables

__all__ = ["Difference", "Progress", "rebuild", "seal", "verify"]

CHUNK = 5_000
# So few events are left to what holds a snapshot or the lock.
CAUGHT_UP = 500
# A second round mends what went wrong in one table while the first had not come to another.
ROUNDS = 2
SHOWN_DIFFERENCES = 1_000


class Difference(msgspec.Struct, frozen=True):
    """A row that stands in the projection alone ("wrong") or in the replay alone ("missing")."""

    table: str
    kind: str
    row: dict[str, Any]


async def verify(owner_url: str, report: Report = lambda _: None, *, chunk: int = CHUNK) -> list[Difference]:
    """What the projections differ in from a replay of the log. Changes nothing and stops nobody."""
    async with _replayed(owner_url, report, chunk) as scratch:
        return (await _compare(scratch, report))[:SHOWN_DIFFERENCES]


async def rebuild(
    owner_url: str, report: Report = lambda _: None, *, chunk: int = CHUNK, in_steps: bool = False
) -> list[Difference]:
    """Mends what `verify` would print, while the service runs; says what it mended under the log's lock.

    `in_steps` is for when nearly everything differs: what the steps mend is not said.
    """
    async with _replayed(owner_url, report, chunk) as scratch:
        rounds = ROUNDS if in_steps else 0
        while await _compare(scratch, report):
            if rounds == 0:
                return (await _mend_all(scratch, report))[:SHOWN_DIFFERENCES]
            rounds -= 1
            await mend_in_steps(scratch, report)
    return []


async def seal(
    owner_url: str, up_to: Cursor, report: Report = lambda _: None, *, chunk: int = CHUNK
) -> Cursor:
    """Moves the baseline forward to a position, so that payload before it may be destroyed. Never back."""
    async with a_scratch(owner_url, chunk) as scratch:
        if scratch.cursor.position >= up_to.position:
            return scratch.cursor
        await replay(scratch, report, up_to)
        connection = scratch.connection
        async with connection.transaction():
            for table in await tables(connection):
                await connection.execute(scratch.named("DELETE FROM baseline.{table}", table=table))
                await copy(connection, table, scratch.schema, "baseline")
            await connection.execute(
                "UPDATE baseline.sealed SET position = %s, recorded_at = %s",
                [up_to.position, up_to.recorded_at],
            )
    return up_to


@asynccontextmanager
async def _replayed(owner_url: str, report: Report, chunk: int) -> AsyncIterator[Scratch]:
    """A scratch replayed close to the log's head, chunk by chunk, each in a transaction of its own."""
    async with a_scratch(owner_url, chunk, shares_history=True) as scratch:
        is_close = False
        while not is_close:
            before = scratch.cursor.position
            await replay(scratch, report)
            is_close = scratch.cursor.position - before <= CAUGHT_UP
        yield scratch


async def _compare(scratch: Scratch, report: Report) -> list[Difference]:
    """The differences at the log's head, in a snapshot."""
    connection = scratch.connection
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await replay(scratch, report)
        return [d for table in await tables(connection) for d in await _differences(scratch, table)]


async def _mend_all(scratch: Scratch, report: Report) -> list[Difference]:
    """Mends the differences at the log's head, which stays there meanwhile; says which."""
    connection = scratch.connection
    found: list[Difference] = []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(4711)")
        await replay(scratch, report)
        for table in await tables(connection):
            if differences := await _differences(scratch, table):
                found += differences
                await mend(scratch, table)
    return found


async def _differences(scratch: Scratch, table: str) -> list[Difference]:
    found: list[Difference] = []
    for kind, one, other in (
        ("wrong", "projection", scratch.schema),
        ("missing", scratch.schema, "projection"),
    ):
        query = sql.SQL("SELECT * FROM {}.{table} EXCEPT SELECT * FROM {}.{table} LIMIT {limit}").format(
            sql.Identifier(one),
            sql.Identifier(other),
            table=sql.Identifier(table),
            limit=sql.Literal(SHOWN_DIFFERENCES),
        )
        cursor = scratch.connection.cursor(row_factory=dict_row)
        await cursor.execute(query)
        found += [Difference(table, kind, row) for row in await cursor.fetchall()]
    return found
