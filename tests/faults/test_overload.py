"""Five times what the service can take: the excess is turned away, what it can take goes on being taken.

No clock decides: an append ends when the test says so, and for each that ends five times as much comes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from avalon.ingest import queue
from avalon.ingest.ticket import Pending
from avalon.ingest.writer import Writer
from tests.conftest import Server
from tests.faults.ledger import until

BATCH = 5
BOUND = 2 * BATCH
ROUNDS = 12


class Appends:
    """Small appends, each of which waits until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self._may_go_on = asyncio.Semaphore(0)
        store = Writer.store

        async def wait_and_store(writer: Writer, batch: list[Pending]) -> None:
            self.begun += 1
            await self._may_go_on.acquire()
            await store(writer, batch)

        monkeypatch.setattr(Writer, "store", wait_and_store)

    async def end_one(self) -> None:
        """The one that waits ends, and the next has taken its reports out of the queue."""
        before = self.begun
        self._may_go_on.release()
        await until(lambda: self.begun > before)

    def end_all(self) -> None:
        """Those to come end at once."""
        for _ in range(1_000):
            self._may_go_on.release()


@pytest.fixture
def appends(monkeypatch: pytest.MonkeyPatch) -> Appends:
    monkeypatch.setattr(queue, "BATCH_EVENTS", BATCH)
    monkeypatch.setattr(queue, "QUEUE_EVENTS_LIMIT", BOUND)
    monkeypatch.setattr(queue, "KEY_SHARE", 1.0)
    return Appends(monkeypatch)


class Offered:
    """Reports that are sent, whatever becomes of those before them."""

    def __init__(self, group: asyncio.TaskGroup, client: httpx.AsyncClient) -> None:
        self._group = group
        self._client = client
        self.answers: Counter[int] = Counter()

    def send(self, reports: int) -> None:
        for _ in range(reports):
            self._group.create_task(self._send())

    async def have_been_told(self, answers: dict[int, int]) -> None:
        """Waits until so many were answered so."""
        await until(lambda: self.answers == answers)

    async def _send(self) -> None:
        answer = await self._client.post("/report", json={"error": {"message": "boom"}})
        assert answer.status_code != 503 or int(answer.headers["retry-after"]) >= 1
        self.answers[answer.status_code] += 1


@pytest.fixture
async def offered(server: Server, appends: Appends) -> AsyncIterator[Offered]:
    """One report is being appended."""
    limits = httpx.Limits(max_connections=None)
    async with (
        server.client(timeout=60, limits=limits, headers={"X-API-Key": server.key}) as client,
        asyncio.TaskGroup() as group,
    ):
        offered = Offered(group, client)
        offered.send(1)
        await until(lambda: appends.begun == 1)
        yield offered
        appends.end_all()


async def test_what_can_be_taken_is_taken_and_the_rest_is_told_at_once(
    server: Server, appends: Appends, offered: Offered
) -> None:
    offered.send(BOUND + BATCH)
    await offered.have_been_told({503: BATCH})
    stored, refused = 1, BATCH
    for _ in range(ROUNDS):
        await appends.end_one()
        offered.send(5 * BATCH)
        refused += 4 * BATCH
        await offered.have_been_told({201: stored, 503: refused})
        stored += BATCH
    appends.end_all()
    await offered.have_been_told({201: stored + BOUND, 503: refused})
    await server.report("all is well again")


async def test_a_client_in_a_batch_is_told_too(server: Server, appends: Appends, offered: Offered) -> None:
    async with server.client(headers={"X-API-Key": server.key}) as client:
        batch = [{"error": {"message": f"boom {number}"}} for number in range(BOUND)]
        several = [asyncio.create_task(client.post("/report/batch", json=batch)) for _ in range(3)]
        for answer in asyncio.as_completed(several):
            assert (await answer).status_code == 503
            appends.end_all()
            break
        answers = Counter([answer.status_code for answer in await asyncio.gather(*several)])
    assert answers == {201: 1, 503: 2}


async def test_without_a_bound_nobody_is_told_and_everybody_waits(
    server: Server, appends: Appends, offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(queue, "QUEUE_EVENTS_LIMIT", 10**9)
    for number in range(1, ROUNDS):
        offered.send(5 * BATCH)
        await are_waiting(server, BATCH + number * 4 * BATCH)
        await appends.end_one()
    assert 503 not in offered.answers
    monkeypatch.setattr(Writer, "store", _turn_away)


async def are_waiting(server: Server, reports: int) -> None:
    await until(lambda: server.services.ingest._events == reports)


async def _turn_away(_: Writer, batch: list[Pending]) -> Any:
    raise TimeoutError
