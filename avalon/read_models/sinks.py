"""Sinks as the dashboard sees them: how far behind each is, what it holds back, what it sent."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.read_models.rows import Time, as_struct, fetch
from avalon.statements import load

sql = load("sinks")


class SinkItem(msgspec.Struct):
    """One sink. `url` and the addresses in `to` are masked; `lag` counts the log's positions that it has not
    read yet; `waiting` messages are on their way, and `held_back` reports go into its next digest."""

    id: UUID
    kind: str
    name: str
    is_active: bool
    levels: list[str]
    url: str | None
    has_secret: bool
    to: list[str]
    switched_off_reason: str | None
    delivered: int
    suppressed: int
    failed: int
    last_delivered_at: Time | None
    last_failed_at: Time | None
    last_error: str | None
    created_at: Time
    created_by: str
    position: int
    lag: int | None
    waiting: int
    held_back: int
    quiet_until: Time | None


class SinkPage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[SinkItem]
    next: str | None


class Delivery(msgspec.Struct):
    """One decision of a sink; `issues` has the exact count of reports of each issue, where it names them."""

    position: int
    outcome: str
    at: Time
    kind: str | None
    reason: str | None
    permanent: bool | None
    reports: int
    first_position: int
    last_position: int
    issues: dict[str, int]
    message_id: str | None


class DeliveryPage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[Delivery]
    next: str | None


async def list_sinks(database: Database, *, after: UUID | None = None, limit: int = 200) -> SinkPage:
    """A page of sinks."""
    rows = await database.fetch_dicts(sql.list, {"only": None, "after": after, "row_limit": limit + 1})
    page = [_item(row) for row in rows[:limit]]
    return SinkPage(page, str(page[-1].id) if len(rows) > limit else None)


async def find_sink(database: Database, sink: UUID) -> SinkItem:
    """Raises NotFound."""
    rows = await database.fetch_dicts(sql.list, {"only": sink, "after": None, "row_limit": 1})
    if not rows:
        raise NotFound("there is no such sink")
    return _item(rows[0])


async def list_deliveries(
    database: Database, sink: UUID, *, before: int | None = None, limit: int = 200
) -> DeliveryPage:
    """What a sink sent, held back and gave up, newest first. Raises NotFound."""
    await find_sink(database, sink)
    params = {"sink": sink, "before": before, "row_limit": limit + 1}
    found = await fetch(database, sql.deliveries, params, Delivery)
    page = found[:limit]
    return DeliveryPage(page, str(page[-1].position) if len(found) > limit else None)


def mask_url(url: str) -> str:
    """The URL as people may see it: enough to tell two apart, nothing that would let them use it."""
    parts = urlsplit(url)
    public = re.match(r"/api(?:/v\d+)?/webhooks/\d+/|/services/\w+/\w+/", parts.path)
    shown = public[0] if public else "/"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{shown}********"


def mask_mail(address: str) -> str:
    """The address as people may see it: enough for who knows it."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}********@{domain}"


def _item(row: dict[str, Any]) -> SinkItem:
    url, to = row["url"], row["to"] or []
    masked = {"url": mask_url(url) if url else None, "to": [mask_mail(address) for address in to]}
    return as_struct(row | masked, SinkItem)
