"""The pool of connections that handlers use, and which of Postgres's errors mean "try again later".

Every connection is in autocommit with short time-outs: a statement that can't get the log's lock in two
seconds gives up, and nobody waits behind a client that froze. Where Postgres is away, calls raise
`Unavailable` (503) quickly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString, TypeVar

import msgspec
import psycopg
from psycopg.abc import Query
from psycopg.adapt import Dumper
from psycopg.rows import class_row, dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from avalon.connection import Connection
from avalon.errors import Unavailable

Params = Mapping[str, Any]
Row = TypeVar("Row")

set_json_loads(msgspec.json.decode)
set_json_dumps(msgspec.json.encode)

KEEPALIVES = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "connect_timeout": 3,
}
SESSION = {
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "default_transaction_isolation": "read committed",
    "plan_cache_mode": "force_custom_plan",
    "timezone": "UTC",
    "jit": "off",
}

# For who writes: after a failover a name may lead to the standby for a while, and to be there is to be away.
PRIMARY = {"target_session_attrs": "read-write"}

# Postgres is away, overloaded or changing hands: the same statement may work in a moment.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, OSError, TimeoutError)


# Past the server's own statement_timeout: only one that is frozen gets there.
ANSWER_S: Final = 8.0
# For a connection: while all is well, and while Postgres was not to be had the last time.
PATIENCE_S: Final = 2.0
PATIENCE_WHILE_AWAY_S: Final = 0.25
CHECK_S: Final = 1.0


class RawJson:
    """JSON that is already encoded, to be sent as it is."""

    __slots__ = ("encoded",)

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded


class _RawJsonDumper(Dumper):
    oid = psycopg.adapters.types["jsonb"].oid

    def dump(self, obj: RawJson) -> bytes:
        return obj.encoded


def connection_options(**session: str) -> dict[str, Any]:
    """Keyword arguments for every connection of ours; `session` overrides the time-outs."""
    options = " ".join(
        f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in (SESSION | session).items()
    )
    return {**KEEPALIVES, "options": options, "autocommit": True, "application_name": "avalon"}


async def configure(connection: Connection) -> None:
    """Teaches a connection our types, and not to wait for ever."""
    connection.adapters.register_dumper(RawJson, _RawJsonDumper)
    connection.answer_timeout_s = ANSWER_S


async def _check(connection: Connection) -> None:
    """Raises where a connection of the pool is of no use any more."""
    async with asyncio.timeout(CHECK_S):
        await AsyncConnectionPool.check_connection(connection)


class Database:
    """One pool under one login. Open it in the lifespan; it belongs to the loop that opened it."""

    def __init__(self, url: str, *, size: int = 8) -> None:
        self.url = url
        self._is_away = False
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=Connection,
            open=False,
            min_size=1,
            max_size=size,
            timeout=PATIENCE_S,
            max_idle=60.0,
            max_lifetime=1800.0,
            reconnect_timeout=5.0,
            kwargs=connection_options() | PRIMARY,
            configure=configure,
            check=_check,
        )

    async def open(self) -> None:
        """Starts filling the pool; does not wait for Postgres."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=5.0)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit; raises Unavailable where Postgres is away.

        Who comes while it is known to be away is not kept waiting: the pool makes connections meanwhile.
        """
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        is_given = False
        try:
            async with self._patience() as patience, self._pool.connection() as connection:
                # The pool waits by asyncio.wait_for, which up to Python 3.11 swallows a cancellation that
                # comes in the tick in which it is done (python/cpython#86296): a loop would never end.
                if task and task.cancelling() > cancels:
                    raise asyncio.CancelledError
                patience.reschedule(None)
                self._is_away, is_given = False, True
                yield connection
        except AWAY as error:
            self._is_away = self._is_away or not is_given
            raise Unavailable("Postgres is away or overloaded; try again") from error

    def _patience(self) -> asyncio.Timeout:
        return asyncio.timeout(PATIENCE_WHILE_AWAY_S if self._is_away else PATIENCE_S)

    async def fetch(self, query: LiteralString, params: Params | None = None, *, row: type[Row]) -> list[Row]:
        """All rows of a statement, each as a `row`."""
        async with self.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(row))
            await cursor.execute(query, params)
            return await cursor.fetchall()

    async def fetch_one(
        self, query: LiteralString, params: Params | None = None, *, row: type[Row]
    ) -> Row | None:
        """The first row of a statement, or None."""
        async with self.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(row))
            await cursor.execute(query, params)
            return await cursor.fetchone()

    async def fetch_dicts(self, query: LiteralString, params: Params | None = None) -> list[dict[str, Any]]:
        """All rows of a statement, as dictionaries: for answers that go straight to JSON."""
        async with self.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(query, params)
            return await cursor.fetchall()

    async def fetch_value(self, query: LiteralString, params: Params | None = None) -> Any:
        """The first column of the first row, or None."""
        async with self.connection() as connection:
            cursor = await connection.execute(query, params)
            row = await cursor.fetchone()
            return row[0] if row else None

    async def execute(self, query: LiteralString, params: Params | None = None) -> int:
        """Runs a statement that returns nothing; the number of rows that it touched."""
        async with self.connection() as connection:
            cursor = await connection.execute(query, params)
            return cursor.rowcount


async def connect(url: str, *, answer_timeout_s: float | None = None, **session: str) -> Connection:
    """A connection of one's own, in autocommit: for listeners and for the owner's long work."""
    connection = await Connection.connect(url, **connection_options(**session))
    await configure(connection)
    connection.answer_timeout_s = answer_timeout_s
    return connection


async def wait_until_reachable(
    url: str, deadline_s: float, on_wait: Callable[[str], None] = lambda _: None
) -> None:
    """Returns when Postgres answers; says why it waits; raises Unavailable after `deadline_s`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    said = ""
    while True:
        try:
            connection = await connect(url)
        except psycopg.OperationalError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            if loop.time() >= end:
                raise Unavailable(f"Postgres can't be reached: {reason}") from None
            if reason != said:
                on_wait(reason)
                said = reason
            await asyncio.sleep(0.2)
        else:
            await connection.close()
            return


def as_query(text: str) -> Query:
    """A statement from one of our own files, as psycopg wants it."""
    return text.encode()
