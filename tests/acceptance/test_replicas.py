"""Several real replicas over one database: what one of them takes, all of them know; any of them may go."""

from __future__ import annotations

import asyncio
import re
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.command import DEADLINE_S
from tests.acceptance.replica import Cluster, Live, Replica, cluster_of, send
from tests.conftest import Urls, plain_client

SENDERS = 8
PROMISED_S = 0.1
TRUSTED_S = 1.5  # a second, and what a busy machine needs to say so
ROUNDS = 5


@pytest.fixture
async def replicas(urls: Urls, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster_of(urls, tmp_path) as found:
        yield found


class Ledger:
    """Clients that send without a pause, each to its replicas in turn, and what was acknowledged."""

    def __init__(self, key: str) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self._key = key
        self._enough = asyncio.Condition()

    @asynccontextmanager
    async def sending(self, *replicas: Replica) -> AsyncIterator[None]:
        """Sends while the block runs. A request that got no answer is sent again to the next replica."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for number in range(SENDERS):
                ways = replicas[number % len(replicas) :] + replicas[: number % len(replicas)]
                group.create_task(self._send_on(ways, stop))
            try:
                yield
            finally:
                stop.set()

    async def wait_for_more(self, count: int) -> None:
        """Until so many more were acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(DEADLINE_S), self._enough:
            await self._enough.wait_for(lambda: len(self.acknowledged) >= wanted)

    async def _send_on(self, replicas: tuple[Replica, ...], stop: asyncio.Event) -> None:
        async with plain_client(timeout=DEADLINE_S) as client:
            while not stop.is_set():
                id_ = str(uuid4())
                status = await self._send_one(client, replicas, id_)
                if status == 201:
                    self.acknowledged.append(id_)
                else:
                    self.refused.append(f"{id_}: {status}")
                async with self._enough:
                    self._enough.notify_all()

    async def _send_one(
        self, client: httpx.AsyncClient, replicas: tuple[Replica, ...], id_: str
    ) -> int | None:
        for replica in (*replicas, replicas[0]):
            client.base_url = replica.url  # type: ignore[assignment]
            with suppress(httpx.TransportError):
                return (await send(client, self._key, f"report {id_}", id=id_)).status_code
        return None


async def stored_ids(urls: Urls) -> list[str]:
    async with await psycopg.AsyncConnection.connect(urls.superuser) as connection:
        rows = await (
            await connection.execute("SELECT id::text FROM log.report ORDER BY position")
        ).fetchall()
    return [row[0] for row in rows]


async def test_a_report_at_one_replica_appears_on_the_others_socket(replicas: Cluster) -> None:
    one, other = await replicas.start(), await replicas.start()
    async with one.signed_in() as client, other.live(client) as live:
        stored = await one.report(replicas.key, "over there", error={"path": "/x", "method": "GET"})
        await live.wait_for(lambda live: bool(live.errors))
    [item] = live.errors
    assert (item["id"], item["position"]) == (stored["id"], stored["position"])
    assert (item["message"], item["service"], item["path"]) == ("over there", "my-app", "/x")


async def test_a_session_that_ends_at_one_replica_ends_its_sockets_on_the_other(replicas: Cluster) -> None:
    one, other = await replicas.start(), await replicas.start()
    async with one.signed_in() as client, other.live(client) as live:
        assert (await client.post("/api/auth/logout")).status_code == 200
        assert await closed_with(live) == 4401


async def closed_with(live: Live) -> int | None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await live.socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def test_a_key_that_is_switched_off_is_refused_elsewhere_within_100_ms(
    replicas: Cluster, urls: Urls
) -> None:
    delays = await delays_until_refused(urls, replicas, await replicas.start(), await replicas.start())
    assert statistics.median(delays) < PROMISED_S, delays
    assert max(delays) < TRUSTED_S, "a cache is trusted no longer, whatever happens"


async def test_a_replica_that_hears_no_bell_takes_longer_and_refuses_all_the_same(
    replicas: Cluster, urls: Urls
) -> None:
    """The control: the other replica listens to another database, so that only its polling tells it."""
    deaf = re.sub(r"dbname=\w+", "dbname=postgres", urls.owner)
    one, other = await replicas.start(), await replicas.start(DATABASE_DIRECT_URL=deaf)
    delays = await delays_until_refused(urls, replicas, one, other)
    assert max(delays) > PROMISED_S, delays
    assert max(delays) < TRUSTED_S, "a cache is trusted no longer, whatever happens"


async def delays_until_refused(urls: Urls, replicas: Cluster, one: Replica, other: Replica) -> list[float]:
    """Switches a key off at one replica while it is used at the other, several times."""
    delays = []
    async with one.signed_in() as client, plain_client(other.url) as sender:
        key = (await client.get("/api/keys")).json()["items"][0]["id"]
        for _ in range(ROUNDS):
            await accepted_again(sender, replicas.key)
            delays.append(await time_until_refused(urls, client, sender, replicas.key, key))
            await client.patch(f"/api/keys/{key}", json={"is_active": True})
    print("refused after", delays)
    return delays


async def accepted_again(sender: httpx.AsyncClient, key: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await send(sender, key, "still on")).status_code != 201:
            pass


async def time_until_refused(
    urls: Urls, client: httpx.AsyncClient, sender: httpx.AsyncClient, text: str, key: str
) -> float:
    """From the commit that switches it off to the start of the last request that was still taken."""
    switching = asyncio.create_task(client.patch(f"/api/keys/{key}", json={"is_active": False}))
    taken_at = time.time()
    while True:
        began_at = time.time()
        answer = await send(sender, text, "on or off")
        if answer.status_code != 201:
            break
        taken_at = began_at
    assert answer.json()["code"] == "key_inactive"
    assert (await switching).status_code == 200
    assert (await send(sender, text, "off")).status_code == 401, "once off, it stays off"
    return max(0.0, taken_at - await last_change(urls))


async def last_change(urls: Urls) -> float:
    query = "SELECT max(recorded_at) FROM log.fact WHERE type = 'api_key.changed'"
    async with await psycopg.AsyncConnection.connect(urls.superuser) as connection:
        row = await (await connection.execute(query)).fetchone()
    return float(row[0].timestamp())


async def test_a_killed_replica_loses_nothing_that_it_acknowledged(replicas: Cluster, urls: Urls) -> None:
    doomed, other = await replicas.start(), await replicas.start()
    ledger = Ledger(replicas.key)
    async with other.signed_in() as client:
        async with doomed.live(client, after=0) as before, ledger.sending(doomed, other):
            await ledger.wait_for_more(100)
            await before.wait_for(lambda live: len(live.errors) >= 50)
            doomed.running.process.kill()
            await ledger.wait_for_more(100)
            with suppress(ConnectionClosed):
                await before.wait_for(lambda live: False)
        stored = await stored_ids(urls)
        assert set(ledger.acknowledged) <= set(stored)
        assert len(stored) == len(set(stored)), "a retry is stored once"
        assert ledger.refused == []
        async with other.live(client, after=before.position) as after:
            await after.wait_for(lambda live: len(before.errors) + len(live.errors) >= len(stored))
    heard = [item["id"] for item in before.errors + after.errors]
    assert heard == stored, "in order, nothing left out, nothing twice"


async def test_a_replica_that_is_stopped_finishes_what_it_has_begun(replicas: Cluster, urls: Urls) -> None:
    leaving, other = await replicas.start(), await replicas.start()
    ledger = Ledger(replicas.key)
    async with other.signed_in() as client, leaving.live(client) as live, ledger.sending(leaving, other):
        await ledger.wait_for_more(50)
        began_at = time.monotonic()
        leaving.running.signal(signal.SIGTERM)
        assert await closed_with(live) == 1012
        assert await asyncio.to_thread(leaving.running.wait) == 0
        assert time.monotonic() - began_at < 10
        await ledger.wait_for_more(50)
    assert ledger.refused == [], "no request failed"
    assert set(ledger.acknowledged) <= set(await stored_ids(urls))


async def test_a_rolling_restart_leaves_no_gap_in_what_a_reader_hears(replicas: Cluster, urls: Urls) -> None:
    standing = [await replicas.start(), await replicas.start()]
    ledger = Ledger(replicas.key)
    heard: list[str] = []
    position = 0
    async with standing[0].signed_in() as client, ledger.sending(*standing):
        for leaving in standing:
            async with leaving.live(client, after=position) as live:
                await live.wait_for(lambda live: len(live.errors) >= 20)
                leaving.running.signal(signal.SIGTERM)
                with suppress(ConnectionClosed):
                    await live.wait_for(lambda live: False)
            heard += [item["id"] for item in live.errors]
            position = live.position
            await asyncio.to_thread(leaving.running.wait)
            await replicas.start(port=leaving.port)
    stored = await stored_ids(urls)
    assert heard == stored[: len(heard)]
    assert set(ledger.acknowledged) <= set(stored)
    assert ledger.refused == []
