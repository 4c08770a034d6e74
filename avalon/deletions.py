"""Deleting reports: a fact that hides them at once, from every list and count and on every replica.

Nothing leaves the log here; what is hidden is blanked later, by the purge. Each fact is one statement that
looks and appends, so that what it says it hid is what was there to be seen.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import BadInput, NotFound
from avalon.events import ServiceErased, uuid7
from avalon.statements import load

sql = load("deletions")

# Later than anything can have occurred: everything that stands in the log by now.
EVERYTHING: Final = datetime(2101, 1, 1, tzinfo=UTC)
# How long a part of an erasure holds the log's lock grows with its reports, and a little with all issues.
REPORTS_AT_ONCE: Final = 100_000
MAX_PARTS: Final = 30


async def delete_report(database: Database, report: UUID, actor: str) -> None:
    """Hides one report, the newest of this id; raises NotFound where there is none to be seen."""
    params = {"fact": uuid7(), "report": report, "actor": actor}
    if await database.fetch_value(sql.delete_report, params) is None:
        raise NotFound("there is no such report")


async def erase_service(database: Database, service: str, before: datetime | None, actor: str) -> int:
    """Hides a service's reports that occurred before a full UTC hour, or all so far; says how many.

    What is reported later is seen again, whatever its time. Many reports go in parts, the oldest first, each
    by a fact of its own, since nobody can append meanwhile; the last fact is about all of them. Where that is
    cut short, what is hidden stays hidden, and asking again does the rest. Raises BadInput and NotFound.
    """
    before = before or EVERYTHING
    if before.astimezone(UTC) != before.astimezone(UTC).replace(minute=0, second=0, microsecond=0):
        raise BadInput("a full hour in UTC, like 2026-01-31T14:00:00Z", field="before")
    limits = {"service": service, "before": before, "reports": REPORTS_AT_ONCE, "parts": MAX_PARTS}
    async with database.connection() as connection:
        ends = [row[0] async for row in await connection.execute(sql.part_ends, limits)]
    hidden = 0
    for end in [*ends[:-1], before]:
        hidden += await _erase_part(database, service, end, actor)
    return hidden


async def _erase_part(database: Database, service: str, before: datetime, actor: str) -> int:
    params = {
        "fact": uuid7(),
        "service": service,
        "before": before,
        "data": msgspec.json.encode(ServiceErased(before=before)).decode(),
        "actor": actor,
    }
    hidden: int | None = await database.fetch_value(sql.erase_service, params)
    if hidden is None:
        raise NotFound("this service has never reported")
    return hidden
