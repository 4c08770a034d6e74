"""Replicas without the rest of the service: a pool, a listener, a hub, and a server with the live routes."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import uvicorn
from litestar import Litestar
from litestar.datastructures import State
from websockets.asyncio.client import ClientConnection, connect

from avalon import event_store
from avalon.auth import Principal
from avalon.database import Database
from avalon.errors import Unauthorized
from avalon.events import REPORTED, NewEvent, uuid7
from avalon.filters import Filter
from avalon.hub import Hub
from avalon.listener import Listener
from avalon.reader import Frame, Reader
from avalon.routes import live
from avalon.routes.gate import gate

DEADLINE_S = 20.0
ADMIN = "admin-token"


def a_report(service: str = "api", group: int = 1, **columns: Any) -> NewEvent:
    values: dict[str, Any] = {
        "id": uuid7(),
        "type": REPORTED,
        "stream": UUID(int=group),
        "service": service,
        "level": "error",
        "actor": f"key:{UUID(int=9)}",
        "data": msgspec.Raw(b'{"message":"boom"}'),
    }
    return NewEvent(**values | columns)


def a_principal(role: str = "admin", *, lasts_s: float = 3600.0, user: UUID | None = None) -> Principal:
    expires_at = datetime.now(UTC) + timedelta(seconds=lasts_s)
    return Principal(user or uuid7(), role, role, uuid7(), False, expires_at)


async def until(condition: Callable[[], Any]) -> None:
    """Polls with a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Replica:
    """What one replica has of the live stream."""

    def __init__(self, database: Database, listener: Listener, hub: Hub) -> None:
        self.database = database
        self.listener = listener
        self.hub = hub
        self.tasks: list[asyncio.Task[None]] = []


@asynccontextmanager
async def replica(url: str, *, direct_url: str | None = None, listens: bool = True) -> AsyncIterator[Replica]:
    """A replica whose hub has begun; `listens=False` leaves it deaf without saying so."""
    database = Database(url)
    await database.open()
    listener = Listener(direct_url or url, database, ping_interval_s=0.2)
    made = Replica(database, listener, Hub(database, listener))
    if listens:
        made.tasks.append(asyncio.create_task(listener.run()))
        await until(lambda: listener.state in ("listening", "deaf"))
    made.tasks.append(asyncio.create_task(made.hub.run()))
    await until(made.hub.is_fresh)
    try:
        yield made
    finally:
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
        await database.close()


class Follower:
    """A connection without a socket: takes frames from a hub as fast as it can, or not at all."""

    def __init__(self, hub: Hub, role: str = "admin") -> None:
        self.hub = hub
        self.reader: Reader = hub.open(a_principal(role), hub.position)
        self.frames: list[Frame] = []
        self.after = 0
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, after: int | None = None, **fields: Any) -> Follower:
        self.reader.subscribe(Filter(**fields), after)
        self.after = after or 0
        return self

    def start(self) -> Follower:
        self._task = asyncio.create_task(self._take())
        return self

    async def _take(self) -> None:
        while True:
            self.frames.append(await self.hub.next_frame(self.reader))

    async def stop(self) -> int:
        """Ends as a connection that breaks; the position behind which it may resume."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self.hub.close(self.reader)
        return self.frames[-1].position if self.frames else self.after

    async def acknowledged(self) -> Follower:
        """Waits until everything that is committed from now on will come."""
        await until(lambda: self.frames)
        return self

    def items(self, type_: str = "error:new") -> list[dict[str, Any]]:
        bodies = [json.loads(item.body) for frame in self.frames for item in frame.items]
        return [body for body in bodies if body["type"] == type_]

    def positions(self) -> list[int]:
        return [item.position for frame in self.frames for item in frame.items]


async def write_late(url: str, rounds: int, stored: set[int]) -> None:
    """Appends in open transactions, with delays and rollbacks; notes what was committed."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        for _ in range(rounds):
            events = [a_report(group=random.randrange(5)) for _ in range(random.randrange(1, 4))]
            body = b"[" + b",".join(event.encode() for event in events) + b"]"
            rows = await (
                await connection.execute(event_store.sql.append, {"events": body.decode()})
            ).fetchall()
            await asyncio.sleep(random.random() * 0.02)
            if random.random() < 0.2:
                await connection.rollback()
            else:
                await connection.commit()
                stored.update(position for position, *_ in rows)


class Tokens:
    """Stands for avalon.auth: who signs in with which token."""

    def __init__(self) -> None:
        self.principals: dict[str, Principal] = {ADMIN: a_principal()}

    def add(self, token: str, who: Principal) -> str:
        self.principals[token] = who
        return token

    async def authenticate(self, token: str) -> Principal:
        try:
            return self.principals[token]
        except KeyError:
            raise Unauthorized from None


class Site:
    """A server with the live routes, and what its clients need."""

    def __init__(self, port: int, tokens: Tokens, server: uvicorn.Server) -> None:
        self.port = port
        self.tokens = tokens
        self.server = server

    def connect(self, token: str | None = ADMIN, **headers: str) -> connect:
        given = {"Authorization": f"Bearer {token}"} if token else {}
        return connect(
            f"ws://127.0.0.1:{self.port}/ws",
            additional_headers=given | {name.replace("_", "-"): text for name, text in headers.items()},
            compression=None,
            max_size=None,
        )


@asynccontextmanager
async def site(hub: Hub) -> AsyncIterator[Site]:
    """A real uvicorn in this loop, on a port of its own."""
    tokens = Tokens()
    settings = SimpleNamespace(trusted_proxies=(), public_url=None)
    reach = SimpleNamespace(hub=hub, auth=tokens, settings=settings, replica="one")
    app = Litestar(live.handlers, state=State({"services": reach}), openapi_config=None)
    config = uvicorn.Config(
        gate(app, settings),  # type: ignore[arg-type]
        host="127.0.0.1",
        port=0,
        log_level="warning",
        ws_max_size=65_536,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Site(port, tokens, server)
    finally:
        hub.stop()
        server.should_exit = True
        await task


async def frame(socket: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    async with asyncio.timeout(DEADLINE_S):
        found: dict[str, Any] = json.loads(await socket.recv())
        return found


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def subscribe(socket: ClientConnection, **fields: Any) -> dict[str, Any]:
    """Subscribes and waits for the frame that says from where on everything will come."""
    await say(socket, type="subscribe", **fields)
    return await frame(socket)


async def items(socket: ClientConnection, count: int, type_: str = "error:new") -> list[dict[str, Any]]:
    """Reads until so many items of a type have come; fails on anything but events."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        got = await frame(socket)
        assert got["type"] == "events", got
        found += [item for item in got["items"] if item["type"] == type_]
    return found
