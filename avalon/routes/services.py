"""Services: `/api/services`."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get
from litestar.params import FromQuery

from avalon.read_models.services import ServicePage
from avalon.read_models.services import list_services as read_services
from avalon.routes.answers import MAX_PAGE, Limit
from avalon.routes.dependencies import requires, services
from avalon.routes.parameters import read_text


@get("/api/services", guards=[requires("viewer")])
async def list_services(
    request: Request[Any, Any, Any], cursor: FromQuery[str | None] = None, limit: Limit = MAX_PAGE
) -> ServicePage:
    """Whatever has reported and whatever has a key, by name, with the last report, counts and keys."""
    return await read_services(services(request).database, after=read_text(cursor, "cursor"), limit=limit)


handlers: Final = [list_services]
