"""The listener: it rings, notices what is dead, and never stops for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from avalon import event_store, listener
from avalon.database import Database
from avalon.listener import Doorbell, Listener
from tests.conftest import Urls
from tests.live.rig import a_report, until


@asynccontextmanager
async def listening(url: str, database: Database) -> AsyncIterator[Listener]:
    made = Listener(url, database, ping_interval_s=0.1)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def terminate_listeners(urls: Urls) -> int:
    """Kills the backends whose last words were a listener's; how many they were."""
    async with await psycopg.AsyncConnection.connect(urls.superuser, autocommit=True) as connection:
        killed = await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query ~ '^(LISTEN|UNLISTEN|SELECT 1$|SELECT log.start_epoch)'"
        )
        return killed.rowcount


async def test_it_rings_for_every_append(urls: Urls, database: Database) -> None:
    async with listening(urls.service, database) as made:
        doorbells = [made.subscribe(), made.subscribe()]
        await until(lambda: made.state == "listening")
        for doorbell in doorbells:
            assert await doorbell.wait(0)  # something may have been lost before it was connected
        await event_store.append(database, [a_report()])
        for doorbell in doorbells:
            assert await doorbell.wait(5)
        assert made.is_healthy()


async def test_a_dropped_doorbell_is_forgotten(urls: Urls, database: Database) -> None:
    made = Listener(urls.service, database)
    doorbell: Doorbell | None = made.subscribe()
    assert len(made._doorbells) == 1
    del doorbell
    assert len(made._doorbells) == 0


async def test_after_each_reconnect_it_rings(urls: Urls, database: Database) -> None:
    async with listening(urls.service, database) as made:
        doorbell = made.subscribe()
        await until(lambda: made.state == "listening")
        for _ in range(20):
            await doorbell.wait(0)
            assert await terminate_listeners(urls)
            await until(lambda: made.state == "lost")
            assert await doorbell.wait(5)
            await until(lambda: made.state == "listening")


async def test_a_deaf_listener_says_so_and_recovers(
    urls: Urls, database: Database, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """As behind a pooler in transaction mode: LISTEN succeeds, and no notification ever comes."""
    monkeypatch.setattr(listener, "PROBE_TIMEOUT_S", 0.1)
    execute = database.execute

    async def swallow(*_: object) -> int:
        return 0

    monkeypatch.setattr(database, "execute", swallow)
    async with listening(urls.service, database) as made:
        await until(lambda: made.state == "deaf")
        cycle = made.last_cycle_at
        await until(lambda: made.last_cycle_at != cycle)
        assert made.is_healthy()
        monkeypatch.setattr(database, "execute", execute)
        await until(lambda: made.state == "listening")
    assert capfdbinary.readouterr().out.count(b"listener_deaf") == 1


async def test_a_server_that_is_not_there_is_tried_again(urls: Urls, database: Database) -> None:
    async with listening("host=127.0.0.1 port=1 user=nobody", database) as made:
        await until(lambda: made.state == "lost")
        assert not made.is_healthy()


async def test_a_frozen_connection_is_noticed(
    urls: Urls, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is not health: a proxy that passes nothing on, with the connection still open."""
    monkeypatch.setattr(listener, "ASK_TIMEOUT_S", 0.2)
    async with freezing_proxy(urls.service) as (url, freeze), listening(url, database) as made:
        await until(lambda: made.state == "listening")
        freeze()
        await until(lambda: made.state == "lost")


@asynccontextmanager
async def freezing_proxy(url: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A TCP proxy before Postgres, and how to stop it passing anything on."""
    given = psycopg.conninfo.conninfo_to_dict(url)
    host, port = str(given["host"]), int(given.get("port") or 5432)
    flowing = asyncio.Event()
    flowing.set()
    tasks: set[asyncio.Task[None]] = set()
    ends: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await flowing.wait()
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        inner, outer = (
            await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            if host.startswith("/")
            else await asyncio.open_connection(host, port)
        )
        ends.append(outer)
        tasks.update(asyncio.create_task(work) for work in (pump(reader, outer), pump(inner, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    try:
        yield make_conninfo(url, host=address[0], port=address[1]), flowing.clear
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            end.transport.abort()
        server.close()
        await server.wait_closed()
