"""Makes the projections again from the log: aside for `verify`, in place for `rebuild`, ahead for `seal`.

All three replay beside the running service, in a scratch schema (`avalon.scratch`); only the last few events
are caught up in one short transaction. Verify and rebuild begin at the sealed baseline, which `seal` moves
forward before payload is destroyed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from psycopg import sql
from psycopg.rows import dict_row

from avalon.event_store import Cursor
from avalon.scratch import Progress, Report, Scratch, a_scratch, columns, copy, replay, statements, tables

__all__ = ["Difference", "Progress", "rebuild", "seal", "verify"]

CHUNK = 5_000
# Rebuild's last transaction holds the log's lock: by then so little is left that nobody notices.
CAUGHT_UP = 500
SHOWN_DIFFERENCES = 1_000


class Difference(msgspec.Struct, frozen=True):
    """A row that stands in the projection alone ("wrong") or in the replay alone ("missing")."""

    table: str
    kind: str
    row: dict[str, Any]


async def verify(owner_url: str, report: Report = lambda _: None, *, chunk: int = CHUNK) -> list[Difference]:
    """What the projections differ in from a replay of the log. Changes nothing and stops nobody."""
    async with _replayed(owner_url, report, chunk) as scratch:
        connection = scratch.connection
        async with connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await replay(scratch, report)
            found = [d for table in await tables(connection) for d in await _differences(scratch, table)]
    return found[:SHOWN_DIFFERENCES]


async def rebuild(owner_url: str, report: Report = lambda _: None, *, chunk: int = CHUNK) -> list[Difference]:
    """Mends what `verify` would print, while the service runs; says what it mended."""
    async with _replayed(owner_url, report, chunk) as scratch:
        connection = scratch.connection
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(4711)")
            await replay(scratch, report)
            found: list[Difference] = []
            for table in await tables(connection):
                found += await _differences(scratch, table)
                await _mend(scratch, table)
    return found[:SHOWN_DIFFERENCES]


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


async def _mend(scratch: Scratch, table: str) -> None:
    """Replaces the rows that differ, and only those, so that the lock is held for little."""
    cursor = await scratch.connection.execute(statements.primary_key, {"table": f"projection.{table}"})
    keys = sql.SQL(", ").join([sql.Identifier(row[0]) for row in await cursor.fetchall()])
    names = {
        "table": sql.Identifier(table),
        "scratch": sql.Identifier(scratch.schema),
        "keys": keys,
        "columns": await columns(scratch.connection, table),
    }
    await scratch.connection.execute(
        sql.SQL(
            "DELETE FROM projection.{table} WHERE ({keys}) IN (SELECT {keys} FROM"
            " (SELECT * FROM projection.{table} EXCEPT SELECT * FROM {scratch}.{table}) AS wrong)"
        ).format(**names)
    )
    await scratch.connection.execute(
        sql.SQL(
            "INSERT INTO projection.{table} ({columns})"
            " SELECT {columns} FROM {scratch}.{table} EXCEPT SELECT {columns} FROM projection.{table}"
        ).format(**names)
    )
