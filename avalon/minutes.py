"""Lets the counts by minute go when they are old, and those of what was not taken: a few of them a fact.

Nothing looks further back than the preview of an alert rule: 30 days, and a day for its window. Whoever asks
for older times gets hours. All minutes of a day in one append would hold the log's lock for seconds, so there
are as many facts as it takes. Every replica looks from time to time; one that comes second finds nothing, or
says the same again, which takes nothing away. A failure is logged, and the next turn goes on from there.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from avalon.database import AWAY, Database
from avalon.errors import AvalonError
from avalon.event_store import append_encoded
from avalon.events import SYSTEM, ZERO, MinutesExpired
from avalon.statements import load
from avalon.telemetry import Action, log

sql = load("minutes")

# How long a minute is counted by itself, to the day.
LIFE: Final = timedelta(days=31)
ROWS_AT_ONCE: Final = 20_000
EVERY_S: Final = 3600.0


def oldest_minute(now: datetime) -> datetime:
    """The first one that still counts: the beginning of a day."""
    return (now.astimezone(UTC) - LIFE).replace(hour=0, minute=0, second=0, microsecond=0)


async def keep_short(database: Database, *, every_s: float = EVERY_S) -> None:
    """Never returns."""
    while True:
        try:
            async with database.connection() as connection:
                await expire_minutes(connection, oldest_minute(datetime.now(UTC)))
        except (AvalonError, *AWAY) as error:
            log(Action.RETENTION_FAILED, level="warning", error=type(error).__name__)
        await asyncio.sleep(every_s)


async def expire_minutes(connection: psycopg.AsyncConnection[Any], before: datetime) -> int:
    """Appends that the minutes before an instant are over, the oldest first; says by how many facts."""
    facts = 0
    params = {"before": before, "row_limit": ROWS_AT_ONCE}
    while True:
        row = await (await connection.execute(sql.next_end, params)).fetchone()
        if row is None:
            return facts
        event = MinutesExpired(before=row[0]).new(ZERO, SYSTEM)
        await append_encoded(connection, [(event.id, event.service, event.encode())])
        facts += 1
