"""The event log for scripts: `/api/log`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from litestar import Request, get
from litestar.params import FromQuery, QueryParameter

from avalon.errors import BadInput
from avalon.read_models.log import LogPage
from avalon.read_models.log import read_log as read_events
from avalon.routes.answers import Limit
from avalon.routes.dependencies import requires, services

MAX_TYPES: Final = 50
_TYPE: Final = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")

After = Annotated[
    int | None, QueryParameter(ge=0, le=2**63 - 1, description="The events behind this position")
]


@get("/api/log", guards=[requires("admin")])
async def read_log(
    request: Request[Any, Any, Any],
    after: After = None,
    types: FromQuery[str | None] = None,
    limit: Limit = 100,
) -> LogPage:
    """Events in order, none left out; `types` are separated by commas. 410 where `after` is not kept."""
    return await read_events(services(request).database, after=after, types=_types(types), limit=limit)


def _types(text: str | None) -> frozenset[str]:
    types = [word.strip() for word in (text or "").split(",") if word.strip()]
    if len(types) > MAX_TYPES or not all(_TYPE.fullmatch(word) for word in types):
        raise BadInput("event types like error.reported, separated by commas", field="types")
    return frozenset(types)


handlers: Final = [read_log]
