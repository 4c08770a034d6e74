"""The oracle: what clients were told, what the log holds, what a reader heard.

acknowledged is a part of stored        nothing that got its 201 is lost
stored, each report once                a retry under the same id is not a second report
heard is stored, in its order           a reader misses nothing and hears nothing twice
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from websockets.asyncio.client import connect

from tests.conftest import Server, Urls, plain_client

DEADLINE_S = 20.0
SENDERS = 6


async def until(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> None:
    """Polls with a deadline."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def until_true(condition: Callable[[], Awaitable[Any]], deadline_s: float = DEADLINE_S) -> None:
    """Polls what has to be waited for, with a deadline."""
    async with asyncio.timeout(deadline_s):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Ledger:
    """Clients that send without a pause; a report that got no 201 is sent again under its id, or given up."""

    def __init__(self, url: str, key: str, *, retries: int = 1) -> None:
        self.acknowledged: dict[str, int] = {}
        self.statuses: Counter[int | str] = Counter()
        self.without_retry_after = 0
        self.longest_s = 0.0
        self.url = url
        self._key = key
        self._retries = retries

    @asynccontextmanager
    async def sending(self, senders: int = SENDERS) -> AsyncIterator[None]:
        """Sends while the block runs; at its end every report on its way is waited for."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for _ in range(senders):
                group.create_task(self._send_on(stop))
            try:
                yield
            finally:
                stop.set()

    async def more(self, count: int) -> None:
        """Waits until so many more were acknowledged."""
        wanted = len(self.acknowledged) + count
        await until(lambda: len(self.acknowledged) >= wanted)

    async def _send_on(self, stop: asyncio.Event) -> None:
        async with plain_client(timeout=60) as client:
            while not stop.is_set():
                id_ = str(uuid4())
                for _ in range(1 + self._retries):
                    if await self._send(client, id_):
                        break

    async def _send(self, client: httpx.AsyncClient, id_: str) -> bool:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        body = {"id": id_, "error": {"message": f"report {id_}"}}
        try:
            answer = await client.post(f"{self.url}/report", json=body, headers={"X-API-Key": self._key})
        except httpx.TransportError as error:
            self.statuses[type(error).__name__] += 1
            await asyncio.sleep(0.02)  # what a client does before it tries again
            return False
        self.longest_s = max(self.longest_s, loop.time() - begun)
        self.statuses[answer.status_code] += 1
        if answer.status_code == 201:
            self.acknowledged[id_] = answer.json()["position"]
            return True
        self.without_retry_after += "retry-after" not in answer.headers
        await asyncio.sleep(0.02)
        return False

    def lost(self, stored: list[tuple[str, int]]) -> set[str]:
        """What was acknowledged and is not there, or not at the position that was told."""
        return {id_ for id_, position in self.acknowledged.items() if (id_, position) not in set(stored)}


async def stored_reports(urls: Urls) -> list[tuple[str, int]]:
    """The client's id, which stands in the message too, and the position of every report in order."""
    async with await psycopg.AsyncConnection.connect(urls.superuser) as connection:
        cursor = await connection.execute(
            "SELECT substr(data->>'message', 8), position FROM log.report ORDER BY position"
        )
        return await cursor.fetchall()


def twice(stored: list[tuple[str, int]]) -> list[str]:
    """What is stored more than once."""
    return [id_ for id_, count in Counter(id_ for id_, _ in stored).items() if count > 1]


class Heard:
    """What a reader of `/ws` hears, over as many connections as it takes; it resumes where it stood."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.position = 0

    @asynccontextmanager
    async def listening(self, server: Server, token: str) -> AsyncIterator[None]:
        task = asyncio.create_task(self._listen(server, token))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self, server: Server, token: str) -> None:
        url, headers = server.url.replace("http", "ws") + "/ws", {"Authorization": f"Bearer {token}"}
        async for socket in connect(url, additional_headers=headers):
            with suppress(OSError, psycopg.Error):
                await socket.send(json.dumps({"type": "subscribe", "after": self.position}))
                async for text in socket:
                    frame = json.loads(text)
                    self._take(frame)
                    if frame["type"] == "lagged":  # as every client has to
                        await socket.send(json.dumps({"type": "subscribe", "after": frame["position"]}))

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "events":
            self.ids += [item["message"][7:] for item in frame["items"] if item["type"] == "error:new"]
            self.position = frame["position"]
