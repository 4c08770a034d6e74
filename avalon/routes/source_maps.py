"""`/api/source-maps`: what was uploaded. Everybody sees it; admins delete."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Request, delete, get
from litestar.params import FromPath, FromQuery

from avalon.read_models.source_maps import SourceMapPage, list_bundles
from avalon.routes.answers import Done, Limit
from avalon.routes.dependencies import principal, requires, services
from avalon.routes.parameters import read_text
from avalon.source_maps.storage import delete_bundle

AnyRequest = Request[Any, Any, Any]


@get("/api/source-maps", guards=[requires("viewer")])
async def list_source_maps(
    request: AnyRequest,
    service: FromQuery[str | None] = None,
    release: FromQuery[str | None] = None,
    cursor: FromQuery[UUID | None] = None,
    limit: Limit = 50,
) -> SourceMapPage:
    """Uploads of source maps, newest first."""
    wanted = read_text(service, "service"), read_text(release, "release")
    return await list_bundles(services(request).database, *wanted, before=cursor, limit=limit)


@delete("/api/source-maps/{id:uuid}", guards=[requires("admin")], status_code=200)
async def delete_source_maps(request: AnyRequest, id: FromPath[UUID]) -> Done:
    """Takes an upload away: frames that were read by it are shown as they were reported."""
    found = services(request)
    await delete_bundle(found.database, id, actor=principal(request).actor)
    found.source_maps.scripts.forget_all()
    return Done()


handlers: Final = [list_source_maps, delete_source_maps]
