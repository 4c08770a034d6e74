"""Real replicas: `avalon serve` processes on ports of their own, over one test's database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

from tests.acceptance.command import DEADLINE_S, Command, Running
from tests.conftest import Urls, plain_client

PASSWORD = "correct horse battery staple"


class Replica:
    """One process and how to reach it."""

    def __init__(self, running: Running, url: str) -> None:
        self.running = running
        self.url = url
        self.port = int(url.rpartition(":")[2])

    async def report(self, key: str, message: str, **fields: Any) -> dict[str, Any]:
        """One report, acknowledged."""
        async with plain_client(self.url) as client:
            answer = await send(client, key, message, **fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    @asynccontextmanager
    async def signed_in(self, password: str = PASSWORD) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the API, as the first admin."""
        async with plain_client(self.url, timeout=DEADLINE_S) as client:
            login = {"username": "admin", "password": password}
            answer = await client.post("/api/auth/login", json=login)
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            client.cookies.clear()
            yield client

    @asynccontextmanager
    async def live(self, client: httpx.AsyncClient, after: int | None = None) -> AsyncIterator[Live]:
        """The live feed of everything, from `after` or from now; already subscribed."""
        headers = {"Authorization": client.headers["Authorization"]}
        async with connect(self.url.replace("http", "ws") + "/ws", additional_headers=headers) as socket:
            live = Live(socket)
            await live.begin(after)
            yield live


class Live:
    """A reader of `/ws` that keeps what it was told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.items: list[dict[str, Any]] = []
        self.position = 0

    async def begin(self, after: int | None) -> None:
        hello = await self._frame()
        assert hello["type"] == "hello"
        ask = {"type": "subscribe"} | ({} if after is None else {"after": after})
        await self.socket.send(msgspec.json.encode(ask).decode())
        await self._read()  # the first frame says that the subscription stands

    async def wait_for(self, is_enough: Callable[[Live], bool]) -> Live:
        """Reads until that is so."""
        async with asyncio.timeout(DEADLINE_S):
            while not is_enough(self):
                await self._read()
        return self

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [item for item in self.items if item["type"] == "error:new"]

    @property
    def messages(self) -> list[str]:
        return [item["message"] for item in self.errors]

    async def _read(self) -> None:
        frame = await self._frame()
        assert frame["type"] == "events", frame
        self.items += frame["items"]
        self.position = frame["position"]

    async def _frame(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.socket.recv(), DEADLINE_S)
        return dict(msgspec.json.decode(text))


class Cluster:
    """The replicas of one test: `start` adds one; all are ended with the test."""

    def __init__(self, command: Command, stack: AsyncExitStack) -> None:
        self._command = command
        self._stack = stack
        self.key = ""
        self.first_password = ""

    async def start(self, port: int = 0, **settings: str) -> Replica:
        """Starts a replica and waits until it listens. The first one makes the account and the key."""
        context = self._command.start("serve", "--port", str(port), **settings)
        running = self._stack.enter_context(context)
        line = await asyncio.to_thread(running.stderr.wait_for, "Avalon listens")
        replica = Replica(running, re.findall(r"http://\S+", line)[0])
        if not self.key:
            line = await asyncio.to_thread(running.stderr.wait_for, "X-API-Key")
            self.key = re.findall(r"avl_\w+", line)[0]
            passwords = re.findall(r"^  password  (\S+)", "\n".join(running.stderr.seen), re.MULTILINE)
            self.first_password = passwords[0]
        return replica


@asynccontextmanager
async def cluster_of(urls: Urls, folder: Path, **settings: str) -> AsyncIterator[Cluster]:
    """Replicas over this database, which work in this folder. `PASSWORD` is the admin's, unless given."""
    defaults = {"AVALON_ADMIN_PASSWORD": PASSWORD}
    databases = {"DATABASE_URL": urls.service, "DATABASE_OWNER_URL": urls.owner}
    async with AsyncExitStack() as stack:
        yield Cluster(Command(folder, **databases, **(defaults | settings)), stack)


async def send(client: httpx.AsyncClient, key: str, message: str, **fields: Any) -> httpx.Response:
    """One report, as it is answered."""
    body = {"error": {"message": message, **fields.pop("error", {})}, **fields}
    return await client.post("/report", json=body, headers={"X-API-Key": key})
