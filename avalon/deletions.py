"""Deleting reports: a fact that hides them at once, from every list and count and on every replica.

Nothing leaves the log here; what is hidden is blanked later, by the purge. Each command is one statement that
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


async def delete_report(database: Database, report: UUID, actor: str) -> None:
    """Hides one report, the newest of this id; raises NotFound where there is none to be seen."""
    params = {"fact": uuid7(), "report": report, "actor": actor}
    if await database.fetch_value(sql.delete_report, params) is None:
        raise NotFound("there is no such report")


async def erase_service(database: Database, service: str, before: datetime | None, actor: str) -> int:
    """Hides a service's reports that occurred before a full UTC hour, or all so far; says how many.

    What is reported later is seen again, whatever its time. Raises BadInput and NotFound.
    """
    before = before or EVERYTHING
    if before.astimezone(UTC) != before.astimezone(UTC).replace(minute=0, second=0, microsecond=0):
        raise BadInput("a full hour in UTC, like 2026-01-31T14:00:00Z", field="before")
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
