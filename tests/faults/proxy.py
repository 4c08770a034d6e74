"""A TCP proxy between a replica and Postgres, in the test's own loop, that fails in the ways of networks.

    freeze    nothing passes any more, in either direction; new connections are accepted and stay silent
    mute      what Postgres answers is lost: what was asked is done, and nobody hears of it
    reset     every connection ends at once (RST); new ones are welcome
    refuse    connections end, and nobody listens on the port any more

`heal` ends all of it, on the same port.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict

from tests.conftest import Urls

CHUNK_BYTES = 65_536


class Proxy:
    """Listens on a loopback port of its own until `close`."""

    def __init__(self, upstream: str) -> None:
        target = conninfo_to_dict(upstream)
        self._host = str(target.get("host") or "127.0.0.1")
        self._port = int(target.get("port") or 5432)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._is_mute = False
        self.port = 0
        self.connections = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends, and waits until nothing of it runs any more."""
        self._passing.set()
        while self._serving:
            await self.refuse()
            await asyncio.wait(self._serving)

    def through(self, url: str) -> str:
        """The same login, by way of the proxy."""
        changed = conninfo_to_dict(url) | {"host": "127.0.0.1", "port": str(self.port)}
        return "postgresql://?" + urlencode(changed, quote_via=quote)

    # Faults.

    def freeze(self) -> None:
        self._passing.clear()

    def mute(self) -> None:
        self._is_mute = True

    def reset(self) -> int:
        """How many connections it ended: each has one writer to either side."""
        ended = len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()
        return ended

    async def refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()

    async def heal(self) -> None:
        self._is_mute = False
        self._passing.set()
        if self._server is None:
            await self.open()

    # Passing on.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self.connections += 1
        self._writers.add(writer)
        with suppress(OSError):
            await self._connect(reader, writer)
        self._forget(writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passing.wait()
        there, back = await self._dial()
        self._writers.add(back)
        pumps = {
            asyncio.create_task(self._pump(reader, back)),
            asyncio.create_task(self._pump(there, writer, is_answer=True)),
        }
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)
        self._forget(back)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        return await asyncio.open_connection(self._host, self._port)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        with suppress(OSError):
            while part := await reader.read(CHUNK_BYTES):
                await self._passing.wait()
                if is_answer and self._is_mute:
                    continue
                writer.write(part)
                await writer.drain()

    def _forget(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()


@asynccontextmanager
async def proxied(urls: Urls) -> AsyncIterator[tuple[Proxy, Urls]]:
    """A proxy before a test's database, and its logins by that way; the superuser's goes straight."""
    proxy = Proxy(urls.superuser)
    await proxy.open()
    try:
        yield proxy, Urls(proxy.through(urls.owner), proxy.through(urls.service), urls.superuser)
    finally:
        await proxy.close()
