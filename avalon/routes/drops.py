"""What was not taken: `/api/drops`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litestar import Request, get
from litestar.params import FromQuery

from avalon.read_models.drops import DropPage
from avalon.read_models.drops import list_drops as read_drops
from avalon.routes.answers import MAX_PAGE, Limit
from avalon.routes.dependencies import requires, services
from avalon.routes.parameters import read_text, read_time

DEFAULT_SPAN: Final = timedelta(hours=24)


@get("/api/drops", guards=[requires("viewer")])
async def list_drops(
    request: Request[Any, Any, Any],
    service: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = MAX_PAGE,
) -> DropPage:
    """What was not taken of what SDKs sent or would have sent, by whole hours. Default: the last 24."""
    return await read_drops(
        services(request).database,
        service=read_text(service, "service"),
        since=read_time(since, "since") or datetime.now(UTC) - DEFAULT_SPAN,
        until=read_time(until, "until"),
        cursor=read_text(cursor, "cursor"),
        limit=limit,
    )


handlers: Final = [list_drops]
