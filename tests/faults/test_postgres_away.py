"""Postgres refuses, or is silent: everybody is told in time, nothing piles up, all of it ends by itself."""

from __future__ import annotations

import asyncio
from time import monotonic

import httpx
import psycopg
import pytest

from avalon import database
from avalon.connection import Connection
from avalon.database import Database, connect
from avalon.ingest import queue, writer
from tests.conftest import Server, Urls
from tests.faults.ledger import Ledger, stored_reports, twice, until, until_true
from tests.faults.memory import private_bytes
from tests.faults.proxy import Proxy

READY_S = 5.0  # FACTS for load balancers: until /health/ready says 503
BACK_S = 10.0
AT_ONCE_S = 1.0


@pytest.fixture
def ledger(server: Server) -> Ledger:
    return Ledger(server.url, server.key)


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200


async def time_until(client: httpx.AsyncClient, ready: bool) -> float:
    begun = monotonic()

    async def is_so() -> bool:
        return await is_ready(client) is ready

    await until_true(is_so)
    return monotonic() - begun


async def check(ledger: Ledger, urls: Urls) -> None:
    """What stands at the end of every outage, however long and of what kind."""
    stored = await stored_reports(urls)
    assert ledger.lost(stored) == set()
    assert twice(stored) == []
    assert set(ledger.statuses) <= {201, 503}
    assert ledger.without_retry_after == 0


async def test_while_postgres_refuses_everybody_is_told_at_once(
    server: Server, proxy: Proxy, urls: Urls, ledger: Ledger
) -> None:
    async with server.client(timeout=30) as client, ledger.sending():
        await ledger.more(30)
        await proxy.refuse()
        assert await time_until(client, ready=False) < READY_S
        refused = ledger.statuses[503]
        ledger.longest_s, before = 0.0, private_bytes()
        await until(lambda: ledger.statuses[503] > refused + 500)
        assert ledger.longest_s < AT_ONCE_S
        assert private_bytes() - before < 20_000_000
        assert await signed_in(client) == 503
        await proxy.heal()
        assert await time_until(client, ready=True) < BACK_S
        await ledger.more(30)
    await check(ledger, urls)


async def signed_in(client: httpx.AsyncClient) -> int:
    """What a login is answered, within a moment."""
    begun = monotonic()
    answer = await client.post("/api/auth/login", json={"username": "admin", "password": "x"})
    assert monotonic() - begun < 3.0
    assert int(answer.headers["retry-after"]) >= 1
    return answer.status_code


@pytest.mark.parametrize("fault", ["freeze", "mute"])
async def test_while_postgres_is_silent_every_request_ends(
    server: Server, proxy: Proxy, urls: Urls, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The time-out of an append is shortened: what is measured is what comes on top of it."""
    append_s = 1.0
    monkeypatch.setattr(writer, "APPEND_TIMEOUT_S", append_s)
    await server.services.ingest._writer.close()
    async with server.client(timeout=30) as client:
        async with ledger.sending():
            await ledger.more(30)
            getattr(proxy, fault)()
            assert await time_until(client, ready=False) < READY_S
            refused = ledger.statuses[503]
            await until(lambda: ledger.statuses[503] > refused + 20)
            assert await signed_in(client) == 503
            await proxy.heal()
            assert await time_until(client, ready=True) < BACK_S
            await ledger.more(30)
        assert ledger.longest_s < append_s + 6.0
    await check(ledger, urls)


@pytest.mark.slow
async def test_nothing_in_the_service_waits_longer_than_the_budget(
    server: Server, proxy: Proxy, urls: Urls, ledger: Ledger
) -> None:
    """Nothing is shortened here; the outage outlasts every back-off."""
    async with server.client(timeout=60) as client:
        async with ledger.sending():
            await ledger.more(30)
            proxy.freeze()
            await asyncio.wait({asyncio.create_task(asyncio.sleep(writer.APPEND_TIMEOUT_S + 12))})
            await proxy.heal()
            assert await time_until(client, ready=True) < BACK_S
            await ledger.more(30)
        assert ledger.longest_s < writer.APPEND_TIMEOUT_S + 6.0
    await check(ledger, urls)


async def test_who_waits_for_a_silent_server_goes_on_in_time(urls_by_proxy: Urls, proxy: Proxy) -> None:
    for patience_s in (0.1, None):
        connection = await connect(urls_by_proxy.service, answer_timeout_s=0.3)
        proxy.freeze()
        begun = monotonic()
        with pytest.raises((TimeoutError, psycopg.OperationalError)):
            async with asyncio.timeout(patience_s):
                await connection.execute("SELECT 1")
        assert monotonic() - begun < 1.0
        assert connection.closed
        await proxy.heal()


@pytest.mark.slow
async def test_psycopgs_own_connection_waits_for_longer(
    urls_by_proxy: Urls, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(Connection, "wait", psycopg.AsyncConnection.wait)
    connection = await connect(urls_by_proxy.service)
    proxy.freeze()
    begun = monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await connection.execute("SELECT 1")
    assert monotonic() - begun > 2.0


@pytest.mark.slow
async def test_without_knowing_that_it_is_away_each_request_waits(
    server: Server, proxy: Proxy, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a pool that is patient each time, and a queue that is not asked before the key."""
    check = queue.Ingest.check
    monkeypatch.setattr(database, "PATIENCE_WHILE_AWAY_S", database.PATIENCE_S)
    monkeypatch.setattr(queue.Ingest, "check", lambda self, key: key is None or check(self, key))
    async with ledger.sending():
        await ledger.more(30)
        await proxy.refuse()
        await until(lambda: not server.services.hub.is_fresh())
        refused = ledger.statuses[503]
        await until(lambda: ledger.statuses[503] > refused + 20)
        await proxy.heal()
    assert ledger.longest_s > AT_ONCE_S


async def test_the_pool_is_whole_again_after_an_outage(urls_by_proxy: Urls, proxy: Proxy) -> None:
    """Longer than the pool itself tries to connect (psycopg_pool #1315)."""
    pool = Database(urls_by_proxy.service)
    pool._pool.reconnect_timeout = 0.5
    await pool.open()
    assert await pool.fetch_value("SELECT 1") == 1
    await proxy.refuse()
    for _ in range(12):
        with pytest.raises(database.Unavailable):
            await pool.fetch_value("SELECT 1")
    await proxy.heal()

    async def is_back() -> bool:
        try:
            values = await asyncio.gather(
                *(pool.fetch_value("SELECT 1 FROM pg_sleep(0.05)") for _ in range(8))
            )
        except database.Unavailable:
            return False
        return values == [1] * 8

    await until_true(is_back, BACK_S)
    await pool.close()
