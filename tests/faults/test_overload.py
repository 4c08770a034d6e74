"""Five times what the service can take: the excess is turned away, what it can take goes on being taken.

The capacity is set, not measured: each append is slowed down and made small, so that the test says the same
on every machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import httpx
import pytest

from avalon.ingest import queue
from avalon.ingest.ticket import Pending
from avalon.ingest.writer import Writer
from tests.conftest import Server
from tests.faults.ledger import until

APPEND_S = 0.2
BATCH = 5
CAPACITY = BATCH / APPEND_S  # reports a second
BOUND = 2 * BATCH
MEASURED_S = 3.0


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that can take 25 reports a second."""
    store = Writer.store

    async def slow(self: Writer, batch: list[Pending]) -> None:
        await asyncio.gather(store(self, batch), asyncio.sleep(APPEND_S))

    monkeypatch.setattr(Writer, "store", slow)
    monkeypatch.setattr(queue, "BATCH_EVENTS", BATCH)
    monkeypatch.setattr(queue, "QUEUE_EVENTS_LIMIT", BOUND)
    monkeypatch.setattr(queue, "KEY_SHARE", 1.0)


class Offered:
    """Reports that are offered at a rate, whatever becomes of those before them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.answers: list[tuple[float, int, float]] = []  # when, what, after how long

    @asynccontextmanager
    async def at(self, rate: float) -> AsyncIterator[None]:
        stop = asyncio.Event()
        limits = httpx.Limits(max_connections=2000, max_keepalive_connections=200)
        headers = {"X-API-Key": self._server.key}
        async with (
            self._server.client(timeout=30, limits=limits, headers=headers) as client,
            asyncio.TaskGroup() as group,
        ):
            task = group.create_task(self._offer(group, client, rate, stop))
            try:
                yield
            finally:
                stop.set()
                await task

    async def _offer(
        self, group: asyncio.TaskGroup, client: httpx.AsyncClient, rate: float, stop: asyncio.Event
    ) -> None:
        begun = monotonic()
        offered = 0
        while not stop.is_set():
            while offered < (monotonic() - begun) * rate:
                group.create_task(self._send(client))
                offered += 1
            await asyncio.sleep(0.01)

    async def _send(self, client: httpx.AsyncClient) -> None:
        begun = monotonic()
        answer = await client.post("/report", json={"error": {"message": "boom"}})
        assert answer.status_code != 503 or int(answer.headers["retry-after"]) >= 1
        self.answers.append((monotonic(), answer.status_code, monotonic() - begun))

    def rate_of(self, status: int, since: float, until_: float) -> float:
        times = [at for at, found, _ in self.answers if found == status and since <= at < until_]
        return len(times) / (until_ - since)

    def longest(self, status: int) -> float:
        return max((spent for _, found, spent in self.answers if found == status), default=0.0)


async def measure(offered: Offered) -> tuple[float, float]:
    """So many a second were stored, and turned away, while it lasted."""
    await until(lambda: len(offered.answers) > BOUND)
    begun = monotonic()
    await until(lambda: monotonic() > begun + MEASURED_S)
    end = monotonic()
    return offered.rate_of(201, begun, end), offered.rate_of(503, begun, end)


async def test_what_can_be_taken_is_taken_and_the_rest_is_told_at_once(server: Server) -> None:
    offered = Offered(server)
    async with offered.at(5 * CAPACITY):
        stored, refused = await measure(offered)
    assert stored >= 0.8 * CAPACITY
    assert refused >= CAPACITY
    assert {status for _, status, _ in offered.answers} == {201, 503}
    assert offered.longest(201) < 3 * APPEND_S + 2.0
    assert offered.longest(503) < 2.0
    begun = monotonic()
    await server.report("all is well again")
    assert monotonic() - begun < 5.0


async def test_a_client_in_a_batch_is_told_too(server: Server) -> None:
    async with server.client(headers={"X-API-Key": server.key}) as client:
        batch = [{"error": {"message": f"boom {number}"}} for number in range(BOUND)]
        first = asyncio.create_task(client.post("/report/batch", json=batch))
        second = asyncio.create_task(client.post("/report/batch", json=batch))
        third = asyncio.create_task(client.post("/report/batch", json=batch))
        answers = [answer.status_code for answer in await asyncio.gather(first, second, third)]
    assert answers.count(201) >= 1
    assert set(answers) <= {201, 503}


async def test_without_a_bound_nobody_is_told_and_everybody_waits(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(queue, "QUEUE_EVENTS_LIMIT", 10**9)
    offered = Offered(server)
    async with offered.at(5 * CAPACITY):
        stored, refused = await measure(offered)
        monkeypatch.setattr(Writer, "store", _turn_away)
    assert refused == 0
    assert stored < 1.5 * CAPACITY
    assert max(spent for _, _, spent in offered.answers) > 2.0


async def _turn_away(_: Writer, batch: list[Pending]) -> Any:
    raise TimeoutError
