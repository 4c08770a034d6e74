"""`POST /report` and `POST /report/batch`: the hot path, as bare ASGI handlers.

The order of checks is the order of their cost: key, rate and queue before a byte of the body is read, then
the bounded body, the bounded inflate, the decoder. The 201 goes out after the commit and not before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import msgspec
from litestar import asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from avalon.errors import (
    AvalonError,
    BadInput,
    KeyRefused,
    TooManyRequests,
    Unavailable,
)
from avalon.protocols.avalon import MAX_BATCH_BYTES, MAX_REPORT_BYTES, decode_batch, decode_report
from avalon.protocols.submission import Submission, to_event
from avalon.routes.answers import error_headers
from avalon.routes.ingest_request import ClientGone, Request
from avalon.telemetry import REPORTS

_encode = msgspec.json.Encoder().encode

Answer = tuple[int, bytes]


async def _report(request: Request) -> Answer:
    key = await request.authenticate()
    rules = await request.services.rule_book.find(key.service)
    submission = decode_report(await request.body(MAX_REPORT_BYTES), rules)
    stored = await request.services.ingest.submit(to_event(submission, key.service, key.actor), key)
    url = request.url(stored.id)
    return 201, _encode({"status": "ok", "id": stored.id, "position": stored.position, "url": url})


async def _batch(request: Request) -> Answer:
    key = await request.authenticate()
    rules = await request.services.rule_book.find(key.service)
    body = await request.body(MAX_BATCH_BYTES)
    # A thousand reports take longer than others should wait for the loop.
    decoded = await asyncio.to_thread(decode_batch, body, request.content_type, rules)
    if not decoded:
        raise BadInput("a batch holds at least one report")
    good = [(index, item) for index, item in enumerate(decoded) if isinstance(item, Submission)]
    events = [to_event(item, key.service, key.actor) for _, item in good]
    answers = await request.services.ingest.submit_many(events, key)
    outcome = dict(enumerate(decoded)) | {
        index: answer for (index, _), answer in zip(good, answers, strict=True)
    }
    return _batch_answer(outcome)


def _batch_answer(outcome: dict[int, Any]) -> Answer:
    """What became of each; an error, a 503 or a 429 only where nothing at all was stored."""
    refused = {index: answer for index, answer in outcome.items() if isinstance(answer, AvalonError)}
    positions = [answer.position for index, answer in outcome.items() if index not in refused]
    first = next((e for e in refused.values() if isinstance(e, Unavailable | TooManyRequests)), None)
    if not positions and first is not None:
        raise first
    rejected = [
        {"index": index, "code": e.code, "message": e.message} for index, e in sorted(refused.items())
    ]
    position = max(positions, default=None)
    answer = {"accepted": len(positions), "rejected": rejected, "position": position}
    if positions:
        return 201, _encode({"status": "ok"} | answer)
    message = f"no report of this batch can be stored; of the first: {rejected[0]['message']}"
    return 400, _encode({"status": "error", "code": BadInput.code, "message": message} | answer)


async def _respond(
    scope: HTTPScope, receive: Receive, send: Send, handle: Callable[[Request], Awaitable[Answer]]
) -> None:
    request = Request(scope, receive)
    headers = _cors(request)
    if scope["method"] == "OPTIONS":
        await _send(send, 204, b"", [*headers, *_PREFLIGHT])
        return
    try:
        if scope["method"] != "POST":
            status, body = 405, _error("method_not_allowed", "send a POST")
            headers = [*headers, (b"allow", b"POST, OPTIONS")]
        else:
            status, body = await handle(request)
    except AvalonError as error:
        status, body = error.status, _error(error.code, error.message)
        headers = [*headers, *error_headers(error)]
        REPORTS.labels("refused_key" if isinstance(error, KeyRefused) else f"refused_{status}").inc()
    except ClientGone:
        return
    finally:
        request.let_go()
    await _send(send, status, body, headers)


def _error(code: str, message: str) -> bytes:
    return _encode({"status": "error", "code": code, "message": message})


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


_JSON: Final = (b"content-type", b"application/json")
_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, content-encoding, x-api-key"),
    (b"access-control-max-age", b"86400"),
]


def _cors(request: Request) -> list[tuple[bytes, bytes]]:
    """Any page may report, unless AVALON_CORS_ORIGINS names those that may."""
    if not request.origin:
        return []
    allowed = request.services.settings.cors_origins
    if allowed is None:
        return [(b"access-control-allow-origin", b"*")]
    vary = (b"vary", b"origin")
    if request.origin in allowed:
        return [(b"access-control-allow-origin", request.origin.encode("latin-1")), vary]
    return [vary]


@asgi("/report", copy_scope=False, opt={"exclude_from_auth": True})
async def report(scope: Scope, receive: Receive, send: Send) -> None:
    """Stores one report."""
    await _respond(cast("HTTPScope", scope), receive, send, _report)


@asgi("/report/batch", copy_scope=False, opt={"exclude_from_auth": True})
async def batch(scope: Scope, receive: Receive, send: Send) -> None:
    """Stores up to a thousand reports in one append."""
    await _respond(cast("HTTPScope", scope), receive, send, _batch)


handlers = [report, batch]
