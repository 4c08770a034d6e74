"""For load balancers, probes and Prometheus: `/health/live`, `/health/ready`, `/metrics`.

Open to everybody, so they say little: no names, no addresses, and labels from closed sets. Readiness is
looked into at most once a second, however many ask.
"""

from __future__ import annotations

import asyncio
import os
from time import monotonic
from typing import Any, Final

import msgspec
import psycopg
from litestar import Request, Response, route
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from avalon.errors import SchemaError, Unavailable
from avalon.release import check_schema
from avalon.routes.dependencies import Services, services
from avalon.routes.pages import GET_OR_HEAD

REACHABLE_S: Final = 1.0
KNOWN_FOR_S: Final = 1.0


class Health(msgspec.Struct):
    """That all is well."""

    status: str = "ok"


class _Readiness(msgspec.Struct):
    """What the last look found: nothing, or why not; and when it was."""

    looked_at: float = -KNOWN_FOR_S
    reason: str | None = None
    looking: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)


@route("/health/live", http_method=GET_OR_HEAD, status_code=200, sync_to_thread=False)
def live() -> Health:
    """Whether the process answers."""
    return Health()


@route("/health/ready", http_method=GET_OR_HEAD, status_code=200)
async def ready(request: Request[Any, Any, Any]) -> Health:
    """Whether this replica can serve; 503 with the reason where it can't."""
    known: _Readiness = request.app.state.setdefault("readiness", _Readiness())
    async with known.looking:
        if monotonic() - known.looked_at >= KNOWN_FOR_S:
            known.reason = await find_fault(services(request))
            known.looked_at = monotonic()
    if known.reason:
        raise Unavailable(known.reason, code="not_ready")
    return Health()


async def find_fault(reach: Services) -> str | None:
    """The first thing that keeps this replica from serving."""
    try:
        async with asyncio.timeout(REACHABLE_S), reach.database.connection() as connection:
            await check_schema(connection)
    except (Unavailable, TimeoutError):
        return f"Postgres did not answer within {REACHABLE_S:.0f} s"
    except SchemaError as error:
        return error.message
    except psycopg.Error:
        return "this login can't read the schema: run `avalon migrate`"
    if not reach.listener.is_healthy():
        return f"the listener is not cycling ({reach.listener.state})"
    return None


@route("/metrics", http_method=GET_OR_HEAD, status_code=200, sync_to_thread=False)
def metrics() -> Response[bytes]:
    """Figures for Prometheus, of all processes of this host where PROMETHEUS_MULTIPROC_DIR is set."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


handlers: Final = [live, ready, metrics]
