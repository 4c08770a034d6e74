"""Services: whatever has reported, and whatever has a key to report with."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.read_models.rows import Time, as_struct
from avalon.statements import load

sql = load("services")

Row = dict[str, Any]


class LastEvent(msgspec.Struct):
    """The newest report of a service."""

    id: UUID
    position: int
    level: str
    message: str | None
    occurred_at: Time


class ServiceKey(msgspec.Struct):
    """A key of a service."""

    id: UUID
    name: str
    is_active: bool
    last_used_at: Time | None


class ServiceItem(msgspec.Struct):
    """One service. `first_seen` and `last_seen` tell of reports that may have been deleted since.

    `dropped_24h` is how much was not taken, of whatever kind; `GET /api/drops` says what and why.
    """

    name: str
    first_seen: Time | None
    last_seen: Time | None
    events: int
    events_7d: int
    events_24h: int
    dropped_24h: int
    last_event: LastEvent | None = None
    keys: list[ServiceKey] = []


class ServicePage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[ServiceItem]
    next: str | None


async def list_services(database: Database, *, after: str | None = None, limit: int = 200) -> ServicePage:
    """A page of services by name."""
    rows = await database.fetch_dicts(sql.list, {"after": after, "row_limit": limit + 1})
    page = rows[:limit]
    newest = await _newest(database, page)
    keys = await _keys(database, [row["name"] for row in page])
    items = [_item(row, newest.get(row["name"]), keys.get(row["name"], [])) for row in page]
    return ServicePage(items, page[-1]["name"] if len(rows) > limit else None)


def _item(row: Row, newest: Row | None, keys: list[Row]) -> ServiceItem:
    item = as_struct(row, ServiceItem)
    item.last_event = as_struct(newest, LastEvent) if newest else None
    item.keys = [as_struct(key, ServiceKey) for key in keys]
    return item


async def _newest(database: Database, page: list[Row]) -> dict[str, Row]:
    hours: dict[str, datetime] = {row["name"]: row["newest_hour"] for row in page if row["newest_hour"]}
    if not hours:
        return {}
    rows = await database.fetch_dicts(sql.newest, {"names": list(hours), "hours": list(hours.values())})
    return {row["service"]: row for row in rows}


async def _keys(database: Database, names: list[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in await database.fetch_dicts(sql.keys, {"names": names}):
        found.setdefault(row["service"], []).append(row)
    return found
