"""Uploads of source maps, as people see them."""

from __future__ import annotations

from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.read_models.rows import Time, fetch
from avalon.statements import load

sql = load("source_maps")


class SourceMapItem(msgspec.Struct):
    """One upload. `bytes`: what its files take, also those that others hold; `names`: some of its scripts."""

    id: UUID
    service: str
    release: str | None
    dist: str | None
    scripts: int
    with_debug_id: int
    names: list[str]
    bytes: int
    created_at: Time
    created_by: str
    used_at: Time


class SourceMapPage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[SourceMapItem]
    next: str | None


async def list_bundles(
    database: Database, service: str | None, release: str | None, *, before: UUID | None, limit: int
) -> SourceMapPage:
    """A page of uploads, newest first."""
    params = {"service": service, "release": release, "before": before, "row_limit": limit + 1}
    found = await fetch(database, sql.list, params, SourceMapItem)
    page = found[:limit]
    return SourceMapPage(page, str(page[-1].id) if len(found) > limit else None)
