"""A scratch schema in which the log is replayed: the baseline's rows, and a table that carries the folds.

History is inserted there in chunks that never mix reports, deletions and other facts (appends don't either),
so the folds see what they saw, each chunk in a transaction of its own. No lock, no policy, no announcement:
those found their place in the log already. What a killed replay leaves behind is dropped by the next.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any, LiteralString
from uuid import uuid4

import msgspec
import psycopg
from psycopg import sql

from avalon.database import connect
from avalon.event_store import START, Cursor
from avalon.statements import load

statements = load("projections")

Connection = psycopg.AsyncConnection[Any]
# Who destroys history (avalon.retention) holds it alone, who replays history shares it: a day that is dropped
# half-way through a replay would be missing from it, and `rebuild` would write that down.
MAINTENANCE_LOCK = 4713


class Progress(msgspec.Struct, frozen=True):
    """How far a replay is, and how many events it has folded."""

    position: int
    head: int
    events: int
    seconds: float


Report = Callable[[Progress], None]


class Scratch(msgspec.Struct):
    """One replay: its schema, and how far it has come."""

    connection: Connection
    schema: str
    cursor: Cursor
    chunk: int
    events: int = 0

    def named(self, query: LiteralString, **names: str) -> sql.Composed:
        """A statement with this schema, and tables by name, filled in."""
        identifiers = {key: sql.Identifier(value) for key, value in names.items()}
        return sql.SQL(query).format(schema=sql.Identifier(self.schema), **identifiers)


@asynccontextmanager
async def a_scratch(owner_url: str, chunk: int, *, shares_history: bool = False) -> AsyncIterator[Scratch]:
    connection = await connect(
        owner_url, lock_timeout="30s", statement_timeout="0", idle_in_transaction_session_timeout="0"
    )
    async with connection:
        if shares_history:
            await connection.execute("SELECT pg_advisory_lock_shared(%s)", [MAINTENANCE_LOCK])
        cursor = await connection.execute("SELECT position, recorded_at FROM baseline.sealed")
        row = await cursor.fetchone()
        sealed = Cursor(*row) if row else START
        scratch = Scratch(connection, f"scratch_{uuid4().hex[:12]}", sealed, chunk)
        await _drop_abandoned(connection)
        try:
            await _build(scratch)
            yield scratch
        finally:
            if not connection.closed:
                await connection.execute(scratch.named("DROP SCHEMA IF EXISTS {schema} CASCADE"))
                # Here, not by hanging up: a server notices that a moment later, and a purge would be refused.
                await connection.execute("SELECT pg_advisory_unlock_all()")


async def _drop_abandoned(connection: Connection) -> None:
    """Removes what a replay that was killed left behind: schemas whose session lock nobody holds."""
    cursor = await connection.execute(statements.abandoned)
    for (schema,) in await cursor.fetchall():
        await connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


async def _build(scratch: Scratch) -> None:
    """The projections' tables with the baseline's rows, and an event table that carries the folds."""
    connection = scratch.connection
    await connection.execute("SELECT pg_advisory_lock(4712, hashtext(%s))", [scratch.schema])
    await connection.execute(scratch.named("CREATE SCHEMA {schema}"))
    for table in await tables(connection):
        await connection.execute(
            scratch.named(
                "CREATE UNLOGGED TABLE {schema}.{table} (LIKE projection.{table} INCLUDING ALL)", table=table
            )
        )
        await copy(connection, table, "baseline", scratch.schema)
    await connection.execute(scratch.named("CREATE UNLOGGED TABLE {schema}.event (LIKE log.event)"))
    cursor = await connection.execute(statements.folds)
    for trigger, function, body, settings in await cursor.fetchall():
        await _carry(scratch, trigger, function, body, settings)


async def _carry(scratch: Scratch, trigger: str, function: str, body: str, settings: list[str]) -> None:
    """Installs one fold in the scratch schema: the same body under another search_path."""
    await scratch.connection.execute(
        scratch.named(
            "CREATE FUNCTION {schema}.{function}() RETURNS trigger LANGUAGE plpgsql"
            " SET search_path = {schema}, pg_catalog, pg_temp",
            function=function,
        )
        + sql.SQL("").join([_setting(*setting.split("=", 1)) for setting in settings])
        + sql.SQL(" AS ")
        + sql.Literal(body)
    )
    await scratch.connection.execute(
        scratch.named(
            "CREATE TRIGGER {trigger} AFTER INSERT ON {schema}.event REFERENCING NEW TABLE AS fresh"
            " FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{function}()",
            trigger=trigger,
            function=function,
        )
    )


def _setting(name: str, value: str) -> sql.Composed:
    return sql.SQL(" SET {} = {}").format(sql.Identifier(name), sql.Literal(value))


async def replay(scratch: Scratch, report: Report, up_to: Cursor | None = None) -> None:
    """Folds what stands behind the scratch's cursor, in the log's order, up to its head or to `up_to`."""
    connection = scratch.connection
    begun = time.monotonic()
    cursor = await connection.execute("SELECT coalesce(max(position), 0) FROM log.event")
    row = await cursor.fetchone()
    head = up_to.position if up_to else row[0] if row else 0
    while scratch.cursor.position < head:
        cursor = await connection.execute(
            statements.next_positions,
            {
                "position": scratch.cursor.position,
                "recorded_at": scratch.cursor.recorded_at,
                "last": head,
                "row_limit": scratch.chunk,
            },
        )
        rows = await cursor.fetchall()
        if not rows:
            break
        for _, run in groupby(rows, key=lambda row: row[2]):
            await _fold(scratch, list(run))
        report(Progress(scratch.cursor.position, head, scratch.events, time.monotonic() - begun))


async def _fold(scratch: Scratch, run: list[Any]) -> None:
    """Inserts one run of events of one kind, which fires the folds."""
    last = Cursor(run[-1][0], run[-1][1])
    await scratch.connection.execute(
        scratch.named(
            "INSERT INTO {schema}.event SELECT * FROM log.event"
            " WHERE position > %(position)s AND position <= %(last)s"
            " AND recorded_at >= %(recorded_at)s AND recorded_at <= %(last_recorded_at)s ORDER BY position"
        ),
        {
            "position": scratch.cursor.position,
            "recorded_at": scratch.cursor.recorded_at,
            "last": last.position,
            "last_recorded_at": last.recorded_at,
        },
    )
    await scratch.connection.execute(scratch.named("TRUNCATE {schema}.event"))
    scratch.cursor = last
    scratch.events += len(run)


async def copy(connection: Connection, table: str, source: str, target: str) -> None:
    """All rows of a projection's table, from its like in one schema to that in another."""
    await connection.execute(
        sql.SQL("INSERT INTO {}.{table} ({columns}) SELECT {columns} FROM {}.{table}").format(
            sql.Identifier(target),
            sql.Identifier(source),
            table=sql.Identifier(table),
            columns=await columns(connection, table),
        )
    )


async def columns(connection: Connection, table: str) -> sql.Composed:
    """The columns that are written of a projection's table, as a list in SQL."""
    cursor = await connection.execute(statements.columns, {"table": f"projection.{table}"})
    return sql.SQL(", ").join([sql.Identifier(row[0]) for row in await cursor.fetchall()])


async def tables(connection: Connection) -> list[str]:
    cursor = await connection.execute(statements.tables)
    return [row[0] for row in await cursor.fetchall()]
