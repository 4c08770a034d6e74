"""Sample reports, for trying things out: `/api/test/{level}` and `/api/test/all`."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, post
from litestar.params import FromPath

from avalon.errors import BadInput
from avalon.events import LEVELS, NewEvent
from avalon.grouping import RuleSet
from avalon.protocols.submission import Terms, submit, to_event
from avalon.reports import ExceptionInfo, Report
from avalon.routes.dependencies import principal, requires, services
from avalon.routes.parameters import read_level
from avalon.routes.peer import base_url_for

SERVICE: Final = "avalon-test"
MESSAGES: Final = {
    "debug": ("DebugNote", "A sample of what only developers want to know"),
    "info": ("Notice", "A sample of what is good to know"),
    "warning": ("DeprecationWarning", "A sample of what will go wrong one day"),
    "error": ("TypeError", "A sample error: Cannot read properties of undefined (reading 'id')"),
    "fatal": ("OutOfMemoryError", "A sample of what ends a process"),
    "critical": ("DatabaseDownError", "A sample of what wakes people up"),
}


class Sample(msgspec.Struct):
    """A sample that is stored."""

    level: str
    id: UUID
    position: int
    url: str
    status: str = "ok"


class Samples(msgspec.Struct):
    """One sample of each level."""

    items: list[Sample]
    status: str = "ok"


@post("/api/test/{level:str}", guards=[requires("member")], status_code=201)
async def send_sample(request: Request[Any, Any, Any], level: FromPath[str]) -> Sample:
    """Stores a sample report of this level, as the service `avalon-test`."""
    known = read_level(level)
    if known is None:
        raise BadInput("needed", field="level")
    return (await _send(request, [known]))[0]


@post("/api/test/all", guards=[requires("member")], status_code=201)
async def send_samples(request: Request[Any, Any, Any]) -> Samples:
    """Stores a sample report of every level, as the service `avalon-test`."""
    return Samples(await _send(request, list(LEVELS)))


async def _send(request: Request[Any, Any, Any], levels: list[str]) -> list[Sample]:
    reach = services(request)
    base = base_url_for(request.scope, reach.settings)
    rules = await reach.rule_book.find(SERVICE)
    events = [_event(level, principal(request).user_id, rules) for level in levels]
    stored = [await reach.ingest.submit(event, None) for event in events]
    return [
        Sample(level, one.id, one.position, f"{base}/errors/{one.id}")
        for level, one in zip(levels, stored, strict=True)
    ]


def _event(level: str, user: UUID, rules: RuleSet | None) -> NewEvent:
    type_, message = MESSAGES[level]
    report = Report(
        message=message,
        exceptions=[ExceptionInfo(type=type_, value=message)],
        stack=f"{type_}: {message}\n    at sample (avalon-test.js:1:1)\n    at main (avalon-test.js:2:3)",
        path="/api/test",
        method="POST",
        metadata={"sample": True},
    )
    submission = submit(report, None, level=level, environment="test", terms=Terms(rules))
    return to_event(submission, SERVICE, f"user:{user}")


handlers: Final = [send_sample, send_samples]
