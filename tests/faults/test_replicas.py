"""The listener of a replica is killed, or the replica is cut off while a key is switched off elsewhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from avalon import hub, listener
from avalon.database import connect
from avalon.hub import Hub
from avalon.listener import Listener
from tests.conftest import Server, Urls, running, settings_for
from tests.faults.ledger import Heard, Ledger, stored_reports, until
from tests.faults.proxy import Proxy

LISTENER_KILLS = 20


@pytest.fixture
async def replica(urls: Urls, tmp_path: Path) -> AsyncIterator[Server]:
    """One whose listener, and nothing else that is at work, is logged in as the owner."""
    settings = settings_for(urls, tmp_path, DATABASE_DIRECT_URL=urls.owner, AVALON_RETENTION_DAYS="0")
    async with running(settings) as found:
        await until(lambda: found.services.listener.state == "listening")
        yield found


async def kill_listener(urls: Urls) -> int:
    async with await psycopg.AsyncConnection.connect(urls.superuser, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'avalon'"
        )
        return len(await cursor.fetchall())


async def test_a_listener_that_is_killed_twenty_times_costs_a_socket_nothing(
    replica: Server, urls: Urls
) -> None:
    ledger, heard = Ledger(replica.url, replica.key), Heard()
    async with heard.listening(replica, await replica.login()):
        async with ledger.sending(2):
            for _ in range(LISTENER_KILLS):
                await until(lambda: replica.services.listener.state == "listening")
                assert await kill_listener(urls) == 1
                await until(lambda: replica.services.listener.state != "listening")
        stored = await stored_reports(urls)
        await until(lambda: len(heard.ids) >= len(stored))
    assert heard.ids == [id_ for id_, _ in stored]
    assert set(ledger.statuses) == {201}


async def hears_what_came_while_it_was_deaf(replica: Server, urls: Urls) -> bool:
    heard = Heard()
    async with heard.listening(replica, await replica.login()):
        await replica.report("report first")
        await until(lambda: heard.ids == ["first"])
        # The reader may have found it by itself: a hub still on its way would find the second one, too.
        await until(lambda: replica.services.hub.position >= heard.position)
        may_connect = asyncio.Event()

        async def connect_later(url: str) -> Any:
            await may_connect.wait()
            return await connect(url)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(listener, "connect", connect_later)
            await kill_listener(urls)
            await until(lambda: replica.services.listener.state == "lost")
            await replica.report("report second")
            may_connect.set()
            await until(lambda: replica.services.listener.state == "listening")
        try:
            await until(lambda: heard.ids == ["first", "second"], deadline_s=2.0)
        except TimeoutError:
            return False
        return True


async def test_what_came_while_nobody_listened_is_read_all_the_same(replica: Server, urls: Urls) -> None:
    assert await hears_what_came_while_it_was_deaf(replica, urls)


async def test_who_only_waits_for_the_bell_misses_it(
    urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: nobody polls, and nobody rings after a new connection."""
    monkeypatch.setattr(hub, "POLL_S", 3600.0)
    ring = Listener.ring
    settings = settings_for(urls, tmp_path, DATABASE_DIRECT_URL=urls.owner, AVALON_RETENTION_DAYS="0")
    async with running(settings) as replica:
        await until(lambda: replica.services.listener.state == "listening")
        monkeypatch.setattr(Listener, "ring", lambda self: self.state != "lost" and ring(self))
        assert not await hears_what_came_while_it_was_deaf(replica, urls)


async def used_while_cut_off(urls: Urls, cut_off: Server, proxy: Proxy, folder: Path) -> Counter[int]:
    """The answers of a replica that could not hear that the key was switched off."""
    async with running(settings_for(urls, folder, AVALON_LOG_FILE="")) as other:
        await remember_the_key(cut_off)
        proxy.freeze()
        token = await other.login()
        async with other.client(headers={"Authorization": f"Bearer {token}"}) as admin:
            (key,) = (await admin.get("/api/keys")).json()["items"]
            answer = await admin.patch(f"/api/keys/{key['id']}", json={"is_active": False})
            assert answer.status_code == 200
        await until(lambda: not _is_really_fresh(cut_off.services.hub))
        async with cut_off.client(headers={"X-API-Key": cut_off.key}, timeout=30) as client:
            bodies = [{"error": {"message": f"report {number}"}} for number in range(5)]
            sending = [asyncio.create_task(client.post("/report", json=body)) for body in bodies]
            await asyncio.wait(sending, timeout=0.3)
            await proxy.heal()
            return Counter(answer.status_code for answer in await asyncio.gather(*sending))


_is_really_fresh = Hub.is_fresh


async def remember_the_key(server: Server) -> None:
    """Uses it once the start's facts, which empty the caches, have been read."""
    await until(lambda: server.services.listener.state == "listening")
    position = (await server.report("report before"))["position"]
    await until(lambda: server.services.hub.position >= position)
    await server.report("report before")


async def test_a_key_that_is_switched_off_is_refused_by_who_could_not_hear_it(
    server: Server, proxy: Proxy, urls: Urls, tmp_path: Path
) -> None:
    answers = await used_while_cut_off(urls, server, proxy, tmp_path)
    assert set(answers) <= {401, 503}
    assert [id_ for id_, _ in await stored_reports(urls)] == ["before", "before"]


async def test_a_cache_that_is_trusted_for_ever_takes_them(
    urls_by_proxy: Urls, proxy: Proxy, urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(Hub, "is_fresh", lambda self: True)
    async with running(settings_for(urls_by_proxy, tmp_path, AVALON_LOG_FILE="")) as server:
        assert (await used_while_cut_off(urls, server, proxy, tmp_path))[201] == 5
