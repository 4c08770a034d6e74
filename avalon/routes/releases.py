"""Releases: `/api/releases`."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.params import FromQuery

from avalon.read_models import releases as read_model
from avalon.read_models.releases import ReleasePage
from avalon.routes.answers import Limit
from avalon.routes.dependencies import requires, services
from avalon.routes.parameters import read_text


@get("/api/releases", guards=[requires("viewer")])
async def list_releases(
    request: Request[Any, Any, Any],
    service: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ReleasePage:
    """The releases that reports have named, those that appeared last first."""
    return await read_model.list_releases(
        services(request).database,
        service=read_text(service, "service"),
        cursor=read_text(cursor, "cursor"),
        limit=limit,
    )


handlers: Final = [list_releases]
