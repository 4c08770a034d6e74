"""Counts over time: `/api/stats`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from litestar import Request, get
from litestar.params import FromQuery

from avalon.read_models.stats import Stats, span
from avalon.read_models.stats import read_stats as read_counts
from avalon.routes.dependencies import requires, services
from avalon.routes.parameters import read_level, read_text, read_time


@get("/api/stats", guards=[requires("viewer")])
async def read_stats(
    request: Request[Any, Any, Any],
    service: FromQuery[str | None] = None,
    level: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    issue: FromQuery[UUID | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    step: FromQuery[str | None] = None,
) -> Stats:
    """Totals, by level, by service and in steps: `minute`, `hour`, `day` or seconds. Default: 24 hours."""
    return await read_counts(
        services(request).database,
        span(read_time(since, "since"), read_time(until, "until"), step, datetime.now(UTC)),
        service=read_text(service, "service"),
        level=read_level(level),
        environment=read_text(environment, "environment"),
        issue=issue,
    )


handlers: Final = [read_stats]
