"""The pool: what a cancellation means to it, and a server that takes no writes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import psycopg
import pytest

from avalon.database import Database
from avalon.errors import Unavailable
from avalon.events import REPORTED, NewEvent, uuid7
from avalon.ingest.ticket import Pending, Ticket
from avalon.ingest.writer import Writer
from tests.conftest import Urls


@pytest.mark.parametrize("ticks", range(12))
async def test_a_cancellation_is_not_lost_while_a_connection_is_waited_for(urls: Urls, ticks: int) -> None:
    """Up to Python 3.11 asyncio.wait_for swallows one that comes in the tick in which it is done."""
    database = Database(urls.service, size=1)
    await database.open()
    survived = False

    async def use() -> None:
        nonlocal survived
        async with database.connection():
            survived = True

    async with database.connection():
        waiting = asyncio.create_task(use())
        await asyncio.sleep(0.01)
    for _ in range(ticks):
        await asyncio.sleep(0)
    was_cancelled = waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    await database.close()
    assert waiting.cancelled() or (survived and not was_cancelled)


async def test_a_server_that_takes_no_writes_is_away(urls: Urls, owner: psycopg.AsyncConnection[Any]) -> None:
    """As a standby is, to which the name still leads after a failover."""
    name = psycopg.conninfo.conninfo_to_dict(urls.owner)["dbname"]
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    database = Database(urls.service)
    await database.open()
    with pytest.raises(Unavailable):
        await database.fetch_value("SELECT 1")
    await database.close()
    event = NewEvent(id=uuid7(), type=REPORTED, stream=uuid7(), actor="system", data=msgspec.Raw(b"{}"))
    with pytest.raises(psycopg.OperationalError):
        await Writer(urls.service).store([Pending(Ticket([event], None), 0)])
