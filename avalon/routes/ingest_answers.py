"""What the ways in have in common: a bare ASGI route, its answers with CORS, and the storing of reports."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, cast

import msgspec
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec.structs import replace

from avalon.auth import ApiKey
from avalon.errors import AvalonError, KeyRefused, Unavailable
from avalon.events import NewEvent
from avalon.ingest import Answer as Stored
from avalon.protocols.submission import Submission, Terms, to_event
from avalon.routes.answers import error_headers
from avalon.routes.dependencies import Services
from avalon.routes.ingest_request import ClientGone, Request
from avalon.source_maps.grouping import MAX_WAIT_S, group_by_maps
from avalon.telemetry import REPORTS

encode: Final = msgspec.json.Encoder().encode

Header = tuple[bytes, bytes]
JSON: Final = (b"content-type", b"application/json")
_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"content-type, content-encoding, x-api-key, authorization, x-sentry-auth, sentry-trace, baggage",
    ),
    (b"access-control-max-age", b"86400"),
]
# What a page's SDK has to see to obey it.
_EXPOSED: Final = (b"access-control-expose-headers", b"retry-after, x-sentry-error, x-sentry-rate-limits")


class Answer(NamedTuple):
    """An answer with its body encoded; JSON, unless `headers` name another content type."""

    status: int
    body: bytes
    headers: Sequence[Header] = (JSON,)


Handle = Callable[[Request], Awaitable[Answer]]
Refuse = Callable[[Request, AvalonError], Answer]


def refusal(request: Request, error: AvalonError) -> Answer:
    """An error in the one shape of the API."""
    body = encode({"status": "error", "code": error.code, "message": error.message})
    return Answer(error.status, body, (JSON, *error_headers(error)))


def way_in(path: str, handle: Handle, refuse: Refuse = refusal) -> ASGIRouteHandler:
    """A route whose POSTs `handle` answers, and what that raises `refuse`; preflights it answers itself."""

    @asgi(path, copy_scope=False)
    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        await _respond(cast("HTTPScope", scope), receive, send, handle, refuse)

    return answered


async def _respond(scope: HTTPScope, receive: Receive, send: Send, handle: Handle, refuse: Refuse) -> None:
    request = Request(scope, receive)
    cors = _cors(request)
    if scope["method"] == "OPTIONS":
        await _send(send, Answer(204, b""), [*cors, *_PREFLIGHT])
        return
    try:
        if scope["method"] == "POST":
            answer = await handle(request)
        else:
            body = encode({"status": "error", "code": "method_not_allowed", "message": "send a POST"})
            answer = Answer(405, body, (JSON, (b"allow", b"POST, OPTIONS")))
    except AvalonError as error:
        answer = refuse(request, error)
        REPORTS.labels("refused_key" if isinstance(error, KeyRefused) else f"refused_{answer.status}").inc()
    except ClientGone:
        return
    finally:
        request.let_go()
    await _send(send, answer, cors)


async def _send(send: Send, answer: Answer, cors: Sequence[Header]) -> None:
    length = (b"content-length", b"%d" % len(answer.body))
    headers = [*answer.headers, length, *cors]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


def _cors(request: Request) -> list[Header]:
    """Any page may report, unless AVALON_CORS_ORIGINS names those that may."""
    if not request.origin:
        return []
    allowed = request.services.settings.cors_origins
    if allowed is None:
        return [(b"access-control-allow-origin", b"*"), _EXPOSED]
    vary = (b"vary", b"origin")
    if request.origin in allowed:
        return [(b"access-control-allow-origin", request.origin.encode("latin-1")), _EXPOSED, vary]
    return [vary]


async def terms_of(services: Services, key: ApiKey) -> Terms:
    """What the key and its service say of the reports that come in."""
    return Terms(await services.rule_book.find(key.service), key.privacy)


async def store(services: Services, key: ApiKey, submissions: Sequence[Submission]) -> list[Stored]:
    """Appends what came in with a key, together; an answer for each, after the commit.

    Raises Unavailable or TooManyRequests where that is said of all of them.
    """
    events = await events_of(services, key, submissions)
    return await services.ingest.submit_many(events, key) if events else []


async def events_of(services: Services, key: ApiKey, submissions: Sequence[Submission]) -> list[NewEvent]:
    """The rows to append for what came in with a key."""
    if submissions and await services.source_maps.may_help(key.service):
        submissions = await _group_by_maps(services, key, submissions)
    return [to_event(submission, key.service, key.actor) for submission in submissions]


async def _group_by_maps(
    services: Services, key: ApiKey, submissions: Sequence[Submission]
) -> list[Submission]:
    """The same reports, grouped by their frames as they were written, as far as that is found in time."""
    grouped = list(submissions)
    with suppress(TimeoutError, Unavailable):
        terms = await terms_of(services, key)
        async with asyncio.timeout(MAX_WAIT_S):
            for index, one in enumerate(submissions):
                report = await group_by_maps(
                    services.source_maps,
                    key.service,
                    one.release,
                    one.report,
                    rules=terms.rules,
                    privacy=terms.privacy,
                )
                grouped[index] = replace(one, report=report)
    return grouped
