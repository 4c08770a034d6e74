"""Releases of services, as their reports name them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any

import msgspec

from avalon.database import Database
from avalon.errors import BadInput
from avalon.read_models.rows import Time, as_struct
from avalon.statements import load

sql = load("releases")


class ReleaseItem(msgspec.Struct):
    """One release of one service. `new_issues`: how many issues were seen first in it."""

    service: str
    version: str
    first_seen: Time
    last_seen: Time
    events: int
    new_issues: int


class ReleasePage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[ReleaseItem]
    next: str | None


class End(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended."""

    at: datetime
    service: str
    version: str


async def list_releases(
    database: Database, *, service: str | None, cursor: str | None, limit: int
) -> ReleasePage:
    """A page of releases, those that appeared last first. Raises BadInput for a foreign cursor."""
    end = _decode(cursor) if cursor else None
    params: dict[str, Any] = {
        "service": service,
        "after_at": end.at if end else None,
        "after_service": end.service if end else None,
        "after_version": end.version if end else None,
        "row_limit": limit + 1,
    }
    rows = await database.fetch_dicts(sql.list, params)
    last = rows[limit - 1] if len(rows) > limit else None
    return ReleasePage(
        [as_struct(row, ReleaseItem) for row in rows[:limit]],
        _encode(End(last["first_seen"], last["service"], last["version"])) if last else None,
    )


def _encode(end: End) -> str:
    return urlsafe_b64encode(msgspec.json.encode(end)).decode().rstrip("=")


def _decode(cursor: str) -> End:
    try:
        end = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=End)
        if end.at.tzinfo is None or "\0" in end.service + end.version:
            raise ValueError
    except ValueError:
        raise BadInput("not a cursor of this list", field="cursor") from None
    return end
