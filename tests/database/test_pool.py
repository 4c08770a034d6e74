"""The pool: a task that is cancelled while it waits for a connection stays cancelled."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from avalon.database import Database
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
