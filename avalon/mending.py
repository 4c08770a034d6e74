"""Puts right what the projections differ in from a replay, a table at a time, under the log's lock.

In steps, each of a few thousand rows, with the lock for only so long, a mending of everything stops nobody:
appends pass between them, and the replay catches up. What goes wrong in one table while another is not mended
yet is left to whoever compares all of them then, without the lock (`avalon.projections`).
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

from avalon.scratch import Report, Scratch, columns, replay, statements, tables

STEP_ROWS = 2_000

Key = tuple[Any, ...] | None


async def mend_in_steps(scratch: Scratch, report: Report) -> None:
    for table in await tables(scratch.connection):
        after: Key = None
        for up_to in [*await _bounds(scratch, table), None]:
            async with scratch.connection.transaction():
                await scratch.connection.execute("SELECT pg_advisory_xact_lock(4711)")
                await replay(scratch, report)
                await mend(scratch, table, after, up_to)
            after = up_to


async def mend(scratch: Scratch, table: str, after: Key = None, up_to: Key = None) -> None:
    """Replaces the rows that differ, and only those; of the whole table, or with the primary keys between."""
    keys = await _keys(scratch, table)
    names = {
        "table": sql.Identifier(table),
        "scratch": sql.Identifier(scratch.schema),
        "keys": keys,
        "between": _between(keys, after, up_to),
        "columns": await columns(scratch.connection, table),
    }
    await scratch.connection.execute(
        sql.SQL(
            "DELETE FROM projection.{table} WHERE {between} AND ({keys}) IN (SELECT {keys} FROM"
            " (SELECT * FROM projection.{table} WHERE {between}"
            " EXCEPT SELECT * FROM {scratch}.{table} WHERE {between}) AS wrong)"
        ).format(**names)
    )
    await scratch.connection.execute(
        sql.SQL(
            "INSERT INTO projection.{table} ({columns})"
            " SELECT {columns} FROM {scratch}.{table} WHERE {between}"
            " EXCEPT SELECT {columns} FROM projection.{table} WHERE {between}"
        ).format(**names)
    )


def _between(keys: sql.Composable, after: Key, up_to: Key) -> sql.Composable:
    parts: list[sql.Composable] = [sql.SQL("true")]
    for sign, bound in ((sql.SQL(">"), after), (sql.SQL("<="), up_to)):
        if bound is not None:
            values = sql.SQL(", ").join(sql.Literal(value) for value in bound)
            parts.append(sql.SQL("({}) {} ({})").format(keys, sign, values))
    return sql.SQL(" AND ").join(parts)


async def _bounds(scratch: Scratch, table: str) -> list[tuple[Any, ...]]:
    """The primary keys at which a step ends."""
    cursor = await scratch.connection.execute(
        sql.SQL(
            "SELECT {keys} FROM"
            " (SELECT {keys}, row_number() OVER (ORDER BY {keys}) AS n FROM {scratch}.{table}) AS numbered"
            " WHERE n % {rows} = 0 ORDER BY n"
        ).format(
            keys=await _keys(scratch, table),
            scratch=sql.Identifier(scratch.schema),
            table=sql.Identifier(table),
            rows=sql.Literal(STEP_ROWS),
        )
    )
    return await cursor.fetchall()


async def _keys(scratch: Scratch, table: str) -> sql.Composable:
    cursor = await scratch.connection.execute(statements.primary_key, {"table": f"projection.{table}"})
    return sql.SQL(", ").join([sql.Identifier(row[0]) for row in await cursor.fetchall()])
