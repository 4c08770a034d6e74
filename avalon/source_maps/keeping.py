"""What goes after a while: uploads that were of no use as long as reports are kept, and unfinished ones."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg

from avalon.database import Database
from avalon.errors import AvalonError
from avalon.events import SYSTEM
from avalon.source_maps.storage import delete_bundle, drop_orphans, sql
from avalon.telemetry import Action, log

EVERY_S: Final = 3600.0
RETRY_S: Final = 300.0
UNFINISHED_HOURS: Final = 2


async def keep(database: Database, days: int, *, every_s: float = EVERY_S) -> None:
    """Does it hour by hour, for ever, on every replica; a failure is logged and tried again."""
    while True:
        try:
            await expire(database, days)
            pause_s = every_s
        except (AvalonError, psycopg.Error) as error:
            log(Action.SOURCE_MAPS_FAILED, level="warning", error=type(error).__name__)
            pause_s = RETRY_S
        await asyncio.sleep(pause_s)


async def expire(database: Database, days: int) -> None:
    """Once; with 0 days unused uploads stay."""
    await database.execute(sql.expire_chunks, {"hours": UNFINISHED_HOURS})
    await database.execute(sql.expire_begun, {"hours": UNFINISHED_HOURS})
    if days:
        for row in await database.fetch_dicts(sql.unused, {"days": days}):
            await delete_bundle(database, row["id"], actor=SYSTEM, reason="unused")
    await drop_orphans(database)
