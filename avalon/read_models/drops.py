"""What was not taken, by service, by whom, by category and by reason, from the counts by hour."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from avalon.database import Database
from avalon.errors import BadInput
from avalon.read_models.rows import Time, fetch
from avalon.statements import load

sql = load("drops")

_MAX_DIGITS: Final = 9


class DropItem(msgspec.Struct):
    """So much of a category was not taken: dropped by the SDK, or by Avalon, and why.

    `last_at` is when the last of it was counted.
    """

    service: str
    by: Literal["sdk", "avalon"]
    category: str
    reason: str
    quantity: int
    last_at: Time


class DropPage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[DropItem]
    next: str | None


async def list_drops(
    database: Database,
    *,
    service: str | None,
    since: datetime,
    until: datetime | None,
    cursor: str | None,
    limit: int,
) -> DropPage:
    """A page of what was not taken in the hours that begin from `since` on, the most of it first."""
    skipped = _skipped(cursor)
    params: dict[str, Any] = {"service": service, "since": since, "until": until}
    params |= {"skipped": skipped, "row_limit": limit + 1}
    found = await fetch(database, sql.list, params, DropItem)
    return DropPage(found[:limit], str(skipped + limit) if len(found) > limit else None)


def _skipped(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit()) or len(cursor) > _MAX_DIGITS:
        raise BadInput("not a cursor of this list", field="cursor")
    return int(cursor)
