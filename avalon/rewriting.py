"""Takes the bytes of deleted content out of the tables' files, and out of the planner's statistics.

VACUUM frees the room of a row and leaves its bytes there, so a table that held any is written anew. Nobody
reads it meanwhile: a day that is over takes what time it needs; where appends would wait it is done within
their patience, or not at all. A table is marked, by its comment, before its rows go and until it is written
anew: so the next purge does what a crash left, or a table in use. Postgres 18's docs, "VACUUM": FULL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from avalon.statements import load

statements = load("rewriting")

Connection = psycopg.AsyncConnection[Any]
Say = Callable[[str], None]

MARK: Final = "avalon: bytes of deleted content"
# Where titles, tags, users and comments of deleted reports and issues stood.
_TABLES = ("issue", "issue_group", "group_tag", "group_user", "issue_comment")
FOLDED: Final = (
    ("log", "fact"),
    *[(schema, name) for schema in ("projection", "baseline") for name in _TABLES],
)
# How long appends may wait for a table in use (as in avalon.migrations): to get it, and to write it anew.
PATIENCE = "1500ms"
TRIES, PAUSE_S = 5, 1.0
WAIT_S = 0.1
_ADVICE = "purge again while the service is stopped; where it is today's, tomorrow"
# A row without content, for any table of FOLDED that may have lost its last.
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_EMPTY = dict.fromkeys(("id", "issue", "issue_group"), _NOBODY) | {
    **dict.fromkeys(("service", "key", "value", "author", "text"), ""),
    **dict.fromkeys(("reports", "users", "user_hash", "position"), 0),
    **dict.fromkeys(("first_seen", "last_seen", "commented_at"), "2000-01-01T00:00:00Z"),
    **{"is_overflow": False, "hashes": []},
}
_MAY_BE_EMPTY: Final = ("issue_group", "group_tag", "group_user", "issue_comment")


class Table(msgspec.Struct, frozen=True):
    schema: str
    table: str
    is_at_rest: bool

    @property
    def name(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)


async def mark(connection: Connection, tables: Sequence[tuple[str, str]]) -> None:
    """Notes that deleted content leaves bytes in these tables; of a schema and a name each."""
    for table in tables:
        await connection.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(*table), sql.Literal(MARK))
        )


async def rewrite(connection: Connection, say: Say) -> list[str]:
    """Writes the marked tables anew; says, and returns, in which of them bytes remain."""
    cursor = connection.cursor(row_factory=class_row(Table))
    tables = await (await cursor.execute(statements.marked, {"mark": MARK})).fetchall()
    if tables:
        say(f"tables to write anew: {len(tables)}, once nobody reads what stood there")
        await _outlive_readers(connection)
    remaining = []
    for table in tables:
        if await _rewrite(connection, table):
            await connection.execute(sql.SQL("COMMENT ON TABLE {} IS NULL").format(table.name))
        else:
            remaining.append(f"{table.schema}.{table.table}")
            say(f"bytes of deleted content remain in {remaining[-1]}, which is in use: {_ADVICE}")
            await _tidy(connection, table)
        await _analyze(connection, table)
    row = await (await connection.execute(statements.has_statistics_of_all_days)).fetchone()
    if tables and row and row[0]:
        await connection.execute("ANALYZE log.event")
    return remaining


async def _outlive_readers(connection: Connection) -> None:
    """Waits for all snapshots that are older than this: what one of them can see would be written anew, too.

    REINDEX CONCURRENTLY waits so, for the logins of others too, and stops nobody. And who writes in another
    database of the server holds back what our own snapshot takes for over.
    """
    await _limit(connection, "0", "0")
    await connection.execute("REINDEX INDEX CONCURRENTLY baseline.sealed_pkey")
    (now,) = await (await connection.execute(statements.assign_xid)).fetchone() or (0,)
    while not await (await connection.execute(statements.is_settled, {"xid": now})).fetchone():  # noqa: ASYNC110
        await asyncio.sleep(WAIT_S)


async def _rewrite(connection: Connection, table: Table) -> bool:
    """Whether it could be done. Who waits for a table stops those behind it, so each wait is short."""
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        try:
            await _limit(connection, PATIENCE, "0" if table.is_at_rest else PATIENCE)
            await connection.execute(sql.SQL("VACUUM (FULL) {}").format(table.name))
            return True
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            continue
        except psycopg.errors.QueryCanceled:  # it is too large for that, and will be in a moment
            return False
        finally:
            await _limit(connection, "0", "0")
    return False


async def _tidy(connection: Connection, table: Table) -> None:
    """What can be done beside appends: the indexes are made anew; the rows' bytes wait to be written over.

    REINDEX waits for open transactions and stops nobody; cut short, it would leave an invalid index.
    """
    await connection.execute(sql.SQL("VACUUM {}").format(table.name))
    await connection.execute(sql.SQL("REINDEX TABLE CONCURRENTLY {}").format(table.name))


async def _analyze(connection: Connection, table: Table) -> None:
    """Makes the statistics anew; of a table without rows Postgres would keep the old ones, so it gets one."""
    analyze = sql.SQL("ANALYZE {}").format(table.name)
    if table.table not in _MAY_BE_EMPTY:
        await connection.execute(analyze)
        return
    async with connection.transaction():
        cursor = await connection.execute(
            sql.SQL(
                "INSERT INTO {0} SELECT (jsonb_populate_record(NULL::{0}, %s::jsonb)).*"
                " ON CONFLICT DO NOTHING RETURNING ctid"
            ).format(table.name),
            [msgspec.json.encode(_EMPTY).decode()],
        )
        placed = await cursor.fetchone()
        await connection.execute(analyze)
        await connection.execute(
            sql.SQL("DELETE FROM {} WHERE ctid = %s::tid").format(table.name), placed or [None]
        )


async def _limit(connection: Connection, lock_timeout: str, statement_timeout: str) -> None:
    """Sets how long statements may take; again, should the limit that stands cut this very one short."""
    query = "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)"
    is_set = False
    while not is_set:
        with suppress(psycopg.errors.QueryCanceled):
            await connection.execute(query, [lock_timeout, statement_timeout])
            is_set = True
