"""The one LISTEN connection of a replica. It carries no data: it only rings the doorbells of those who read.

A doorbell can be late or lost, never wrong: every follower reads from its own cursor and polls as well, so
that missing every notification costs a second. Silence is not health: the listener pings, and after each
connect it rings everybody, because something was lost meanwhile. A connection on which notifications don't
arrive (a pooler stands before Postgres) is `deaf`: it is said once, tried again at every ping, and polling
goes on.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from contextlib import aclosing, suppress
from typing import Any, Final, Literal
from uuid import uuid4
from weakref import WeakSet

import psycopg
from psycopg import sql
from psycopg.abc import Query
from psycopg.conninfo import make_conninfo

from avalon.database import AWAY, PRIMARY, Database, connect
from avalon.errors import AvalonError
from avalon.telemetry import Action, log

State = Literal["connecting", "listening", "deaf", "lost"]

PING_INTERVAL_S: Final = 5.0
ASK_TIMEOUT_S: Final = 3.0
PROBE_TIMEOUT_S: Final = 2.0
HEALTHY_S: Final = 12.0  # an interval, a ping's and a probe's time-outs, and some air
FIRST_BACKOFF_S: Final = 0.1
MAX_BACKOFF_S: Final = 3.0


class Doorbell:
    """Wakes one follower. Read, then wait, then read again: what rings during the read is not lost."""

    __slots__ = ("__weakref__", "_event")

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Returns when it has rung since the last wait, or after `timeout_s`; says which."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Listener:
    """LISTEN, ping, probe and reconnect, for ever. `run` is its task; `state` is for people."""

    def __init__(
        self, direct_url: str, database: Database, *, ping_interval_s: float = PING_INTERVAL_S
    ) -> None:
        self.state: State = "connecting"
        self.last_cycle_at: float | None = None
        self._url = make_conninfo(direct_url, **PRIMARY)
        self._database = database
        self._ping_interval_s = ping_interval_s
        self._doorbells: WeakSet[Doorbell] = WeakSet()

    def subscribe(self) -> Doorbell:
        """A doorbell of one's own; it is forgotten when its follower drops it."""
        doorbell = Doorbell()
        self._doorbells.add(doorbell)
        return doorbell

    def ring(self) -> None:
        """Wakes every follower."""
        for doorbell in list(self._doorbells):
            doorbell.ring()

    def is_healthy(self) -> bool:
        """Whether the loop has completed a cycle of late. A deaf one has, and its followers poll."""
        if self.last_cycle_at is None:
            return False
        return asyncio.get_running_loop().time() - self.last_cycle_at < HEALTHY_S

    async def run(self) -> None:
        """Listens until it is cancelled; a lost connection is made again, with backoff and jitter."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                await self._listen()
            except (psycopg.Error, AvalonError, *AWAY) as error:
                if self.state in ("listening", "deaf"):
                    backoff_s = FIRST_BACKOFF_S
                if self.state != "lost":
                    log(Action.LISTENER_LOST, level="warning", error=type(error).__name__)
                self.state = "lost"
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)

    async def _listen(self) -> None:
        """One connection's life; ends by raising."""
        connection = await connect(self._url)
        try:
            await _ask(connection, "LISTEN log")
            self.ring()
            await self._start_epoch(connection)
            await self._probe(connection)
            while True:
                await self._hear(connection, self._ping_interval_s)
                await _ask(connection, "SELECT 1")
                self.last_cycle_at = asyncio.get_running_loop().time()
                if self.state == "deaf":
                    await self._probe(connection)
        finally:
            await connection.close()

    async def _start_epoch(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """After a failover or a restore this appends `epoch.started`, which every follower then reads."""
        row = await (await _ask(connection, "SELECT log.start_epoch()")).fetchone()
        if row and row[0]:
            log(Action.EPOCH_STARTED)

    async def _hear(
        self, connection: psycopg.AsyncConnection[Any], timeout_s: float, channel: str = ""
    ) -> bool:
        """Rings for every notification until the time is over; ends early, with True, at one on `channel`."""
        async with aclosing(connection.notifies(timeout=timeout_s)) as notifications:
            async for notification in notifications:
                if notification.channel == channel:
                    return True
                self.ring()
        return False

    async def _probe(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Notifies itself through the pool: behind a pooler LISTEN succeeds and hears nothing."""
        channel = f"avalon_{uuid4().hex}"
        await _ask(connection, sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        await self._database.execute("SELECT pg_notify(%(channel)s, '')", {"channel": channel})
        is_heard = await self._hear(connection, PROBE_TIMEOUT_S, channel)
        await _ask(connection, sql.SQL("UNLISTEN {}").format(sql.Identifier(channel)))
        self.last_cycle_at = asyncio.get_running_loop().time()
        if is_heard:
            log(Action.LISTENER_CONNECTED)
            self.state = "listening"
        elif self.state != "deaf":
            log(Action.LISTENER_DEAF, level="error", hint="set DATABASE_DIRECT_URL to bypass the pooler")
            self.state = "deaf"


async def _ask(connection: psycopg.AsyncConnection[Any], statement: Query) -> psycopg.AsyncCursor[Any]:
    """One statement with a bounded wait: only an answer is health, a frozen backend is silent."""
    hang_up = asyncio.get_running_loop().call_later(ASK_TIMEOUT_S, _hang_up, connection)
    try:
        return await connection.execute(statement)
    finally:
        hang_up.cancel()


def _hang_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Ends the connection under its query, which then raises at once.

    A time-out would not: psycopg 3.3.9 first asks the server to cancel, and where the server does not answer
    that takes ten seconds more.
    """
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
