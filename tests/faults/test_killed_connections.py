"""Every connection of the database is ended under load, again and again: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon.events import REPORTED, NewEvent, uuid7
from avalon.ingest.ticket import Pending
from avalon.ingest.writer import Writer
from tests.conftest import Server, Urls
from tests.faults.ledger import Heard, Ledger, stored_reports, twice, until, until_true
from tests.faults.proxy import Proxy

ROUNDS = 12
Rows = list[tuple[UUID, str | None, bytes]]


async def end_all_connections(urls: Urls) -> int:
    async with await psycopg.AsyncConnection.connect(urls.superuser, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        row = await cursor.fetchone()
        return int(row[0]) if row else 0


async def under_fire(server: Server, urls: Urls, ledger: Ledger, rounds: int = ROUNDS) -> None:
    """Each time the service is back by itself, its connections are ended again."""
    async with ledger.sending():
        for _ in range(rounds):
            await ledger.more(10)
            assert await end_all_connections(urls) >= 1
        await ledger.more(10)


async def test_ended_connections_lose_nothing_and_double_nothing(server: Server, urls: Urls) -> None:
    ledger, heard = Ledger(server.url, server.key), Heard()
    async with heard.listening(server, await server.login()):
        await under_fire(server, urls, ledger)
        stored = await stored_reports(urls)
        await until(lambda: len(heard.ids) >= len(stored))
    assert ledger.lost(stored) == set()
    assert twice(stored) == []
    assert heard.ids == [id_ for id_, _ in stored]
    assert set(ledger.statuses) <= {201, 503}
    assert ledger.without_retry_after == 0
    async with server.client() as client:
        assert (await client.get("/health/ready")).status_code == 200


async def test_who_acknowledges_before_the_commit_loses_reports(
    server: Server, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    store = Writer.store

    async def hasty(self: Writer, batch: list[Pending]) -> None:
        for number, pending in enumerate(batch, 1):
            pending.answer(_Promised(number))  # type: ignore[arg-type]
        await asyncio.sleep(0.005)
        await store(self, batch)

    monkeypatch.setattr(Writer, "store", hasty)
    ledger = Ledger(server.url, server.key)
    async with ledger.sending():
        for _ in range(3):
            await ledger.more(20)
            await lock_out_and_end(urls)
    stored = {id_ for id_, _ in await stored_reports(urls)}
    assert set(ledger.acknowledged) - stored


class _Promised:
    def __init__(self, number: int) -> None:
        self.id, self.position = uuid7(), number


async def lock_out_and_end(urls: Urls) -> None:
    """Holds the log's lock until an append waits for it, and ends that one, twice: its retry too."""
    async with await psycopg.AsyncConnection.connect(urls.superuser) as holder:
        await holder.execute("SELECT pg_advisory_xact_lock(4711)")
        for _ in range(2):
            await until_true(lambda: end_waiting(holder))


async def end_waiting(connection: psycopg.AsyncConnection[Any]) -> int:
    cursor = await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return len(await cursor.fetchall())


async def lose_one_answer(server: Server, proxy: Proxy, urls: Urls) -> list[str]:
    """A report that is committed and whose writer does not hear of it; what is stored in the end."""

    async def is_stored() -> bool:
        return "once" in [id_ for id_, _ in await stored_reports(urls)]

    await server.services.ingest.submit(a_report("before"))
    proxy.mute()
    submitted = asyncio.create_task(server.services.ingest.submit(a_report("once")))
    await until_true(is_stored)
    await proxy.heal()
    proxy.reset()
    await submitted
    return [id_ for id_, _ in await stored_reports(urls)]


def a_report(name: str) -> NewEvent:
    data = msgspec.Raw(msgspec.json.encode({"message": f"report {name}"}))
    return NewEvent(
        id=uuid7(), type=REPORTED, stream=uuid7(), service="s", level="error", actor="system", data=data
    )


async def test_an_answer_that_is_lost_after_the_commit_is_asked_for_again(
    server: Server, proxy: Proxy, urls: Urls
) -> None:
    assert await lose_one_answer(server, proxy, urls) == ["before", "once"]


async def test_a_retry_under_a_new_id_is_stored_twice(
    server: Server, proxy: Proxy, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    append_once = Writer._append_once

    async def renamed(self: Writer, rows: Rows) -> Any:
        renaming = {old: uuid7() for old, _, _ in rows}
        fresh = [
            (renaming[old], service, body.replace(str(old).encode(), str(renaming[old]).encode()))
            for old, service, body in rows
        ]
        return await append_once(self, fresh)

    monkeypatch.setattr(Writer, "_append_once", renamed)
    assert await lose_one_answer(server, proxy, urls) == ["before", "once", "once"]
