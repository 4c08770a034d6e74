"""Ends mutes whose time is over, also of issues that nobody reports any more.

Every replica asks from time to time; the database lets one of them work, and appends nothing where nothing is
due. A failure is logged and tried again at the next turn.
"""

from __future__ import annotations

import asyncio
from typing import Final

from avalon.database import Database
from avalon.errors import AvalonError
from avalon.statements import load
from avalon.telemetry import Action, log

sql = load("issue_commands")

EVERY_S: Final = 30.0


async def keep_unmuting(database: Database, *, every_s: float = EVERY_S) -> None:
    """Never returns."""
    while True:
        try:
            await unmute_due(database)
        except AvalonError as error:
            log(Action.UNMUTE_FAILED, level="warning", error=type(error).__name__)
        await asyncio.sleep(every_s)


async def unmute_due(database: Database) -> int:
    """Says how many issues it was."""
    return int(await database.fetch_value(sql.unmute_due))
