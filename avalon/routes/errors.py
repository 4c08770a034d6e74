"""Single reports: `/api/errors`."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, delete, get
from litestar.params import FromPath, FromQuery, QueryParameter

from avalon import deletions
from avalon.errors import BadInput
from avalon.read_models import cursors
from avalon.read_models import errors as read_model
from avalon.read_models.errors import ErrorDetail, ErrorPage, Filter
from avalon.routes.answers import MAX_PAGE, Limit
from avalon.routes.dependencies import principal, requires, services
from avalon.routes.parameters import read_level, read_text, read_time
from avalon.source_maps.reading import read_by_maps

MAX_SKIP: Final = 10_000
ERASURE: Final = frozenset({"service", "before", "confirm"})

Take = Annotated[int | None, QueryParameter(ge=1, description="The seed's name for limit")]
Skip = Annotated[int, QueryParameter(ge=0, le=MAX_SKIP, description="So many items are passed over")]


class Deleted(msgspec.Struct):
    """How many reports are gone."""

    deleted: int
    status: str = "ok"


@get("/api/errors", guards=[requires("viewer")])
async def list_errors(
    request: Request[Any, Any, Any],
    service: FromQuery[str | None] = None,
    level: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    release: FromQuery[str | None] = None,
    issue: FromQuery[UUID | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
    take: Take = None,
    skip: Skip = 0,
) -> ErrorPage:
    """Single reports, newest first. `q` looks into those of 30 days where `since` is not given."""
    wanted = Filter(
        service=read_text(service, "service"),
        level=read_level(level),
        environment=read_text(environment, "environment"),
        release=read_text(release, "release"),
        issue=issue,
        since=read_time(since, "since"),
        until=read_time(until, "until"),
        q=q,
    )
    return await read_model.list_errors(
        services(request).database,
        wanted,
        after=cursors.decode(cursor) if cursor else None,
        skip=skip,
        limit=min(take or limit, MAX_PAGE),
    )


@get("/api/errors/{id:uuid}", guards=[requires("viewer")])
async def find_error(request: Request[Any, Any, Any], id: FromPath[UUID]) -> ErrorDetail:
    """One report, whole."""
    found = services(request)
    return await read_by_maps(found.source_maps, await read_model.find_error(found.database, id))


@delete("/api/errors/{id:uuid}", guards=[requires("admin")], status_code=200)
async def delete_error(request: Request[Any, Any, Any], id: FromPath[UUID]) -> Deleted:
    """Hides one report at once, from every list and count."""
    await deletions.delete_report(services(request).database, id, _actor(request))
    return Deleted(1)


@delete("/api/errors", guards=[requires("admin")], status_code=200)
async def erase_errors(
    request: Request[Any, Any, Any],
    service: FromQuery[str],
    confirm: FromQuery[str] = "",
    before: FromQuery[str | None] = None,
) -> Deleted:
    """Hides a service's reports, those before a full UTC hour or all so far; `confirm` is its name again."""
    unknown = set(request.query_params) - ERASURE
    if unknown:
        raise BadInput("not a parameter of this; nothing was deleted", field=min(unknown))
    if confirm != service:
        raise BadInput("must be the service's name; nothing was deleted", field="confirm")
    at = read_time(before, "before")
    return Deleted(await deletions.erase_service(services(request).database, service, at, _actor(request)))


def _actor(request: Request[Any, Any, Any]) -> str:
    return f"user:{principal(request).user_id}"


handlers: Final = [list_errors, find_error, delete_error, erase_errors]
