"""What changed between two instants or two releases: `/api/changes`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from litestar import Request, get
from litestar.params import FromQuery, QueryParameter

from avalon.errors import BadInput
from avalon.read_models.changes import Changes, between_instants, between_releases
from avalon.routes.answers import Limit
from avalon.routes.dependencies import requires, services
from avalon.routes.parameters import read_text, read_time

PREFIX: Final = "release:"


@get("/api/changes", guards=[requires("viewer")])
async def read_changes(
    request: Request[Any, Any, Any],
    since: Annotated[str | None, QueryParameter(name="from")] = None,
    until: Annotated[str | None, QueryParameter(name="to")] = None,
    service: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> Changes:
    """Issues that are new, gone, louder, quieter.

    `from` and `to` are instants (`to`: now, where it is missing): the time between them is compared with as
    much time before it. Or they are releases, written `release:1.4.2`.
    """
    database = services(request).database
    begin, end = read_text(since, "from"), read_text(until, "to")
    if begin is None:
        raise BadInput("required: an instant, or a release as release:1.4.2", field="from")
    named: dict[str, Any] = {
        "service": read_text(service, "service"),
        "limit": limit,
    }
    environment = read_text(environment, "environment")
    if not begin.startswith(PREFIX):
        at, to = read_time(begin, "from"), read_time(end, "to") or datetime.now(UTC)
        assert at is not None, "read_time of a text gives a time or raises"
        return await between_instants(database, at, to, environment=environment, **named)
    if end is None or not end.startswith(PREFIX):
        raise BadInput("a release as release:1.4.3, like `from`", field="to")
    if environment:
        raise BadInput("not known of releases; leave it out", field="environment")
    return await between_releases(database, begin[len(PREFIX) :], end[len(PREFIX) :], **named)


handlers: Final = [read_changes]
