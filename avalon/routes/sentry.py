"""The ways in of Sentry's SDKs: envelopes, and the store route of old ones.

An item that we have no use for is counted and dropped with a 200: an SDK must never be disturbed by what it
sends beside its events. The protocol: https://develop.sentry.dev/sdk/data-model/envelopes/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil
from typing import Final, cast
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from litestar import asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from avalon.auth import ApiKey
from avalon.errors import AvalonError, BadInput, TooManyRequests
from avalon.events import uuid7
from avalon.protocols.avalon import MAX_REPORT_BYTES
from avalon.protocols.sentry.envelope import Envelope, Item, split_envelope
from avalon.protocols.sentry.event import decode_event
from avalon.protocols.sentry.values import as_text
from avalon.protocols.submission import Submission, Terms, read_id
from avalon.routes.ingest_answers import Answer, encode, refusal, respond, store, terms_of
from avalon.routes.ingest_request import Request
from avalon.telemetry import ITEMS

MAX_ENVELOPE_BYTES: Final = 20 * 1024 * 1024
# One append takes them all; an SDK sends one.
MAX_EVENTS: Final = 100
_SENTRY_KEY: Final = re.compile(r"sentry_key\s*=\s*([^\s,]+)", re.IGNORECASE)
_KNOWN: Final = frozenset(
    (
        *(
            "attachment",
            "check_in",
            "client_report",
            "event",
            "feedback",
            "log",
            "metric_buckets",
            "otel_log",
        ),
        *("profile", "profile_chunk", "raw_security", "replay_event", "replay_recording", "replay_video"),
        *("session", "sessions", "span", "statsd", "trace_metric", "transaction", "user_report"),
    )
)


async def _envelope(request: Request) -> Answer:
    text = _key_text(request)
    body = None
    if not text:
        body = await request.body(MAX_ENVELOPE_BYTES)
        text = _key_in_header(body)
    key = await request.authenticate(text)
    if body is None:
        body = await request.body(MAX_ENVELOPE_BYTES)
    envelope = split_envelope(body)
    submissions = _take(envelope, await terms_of(request.services, key))
    ids = await _store(request, key, submissions)
    id = ids[0] if ids else read_id(as_text(envelope.header.get("event_id")))
    return Answer(200, encode({"id": id.hex} if id else {}))


def _take(envelope: Envelope, terms: Terms) -> list[Submission]:
    """The events; everything else is counted."""
    found: list[Submission] = []
    for item in envelope.items:
        if item.type == "event" and len(found) < MAX_EVENTS:
            try:
                found.append(_decode(item.payload, terms))
            except BadInput:
                _count(item, "broken")
            else:
                _count(item, "stored")
        else:
            _count(item, "dropped")
    id = read_id(as_text(envelope.header.get("event_id")))
    if found and found[0].id is None and id is not None:
        found[0] = msgspec.structs.replace(found[0], id=id)
    return found


def _count(item: Item, outcome: str) -> None:
    ITEMS.labels(item.type if item.type in _KNOWN else "other", outcome).inc()


def _decode(payload: bytes, terms: Terms) -> Submission:
    if len(payload) > MAX_REPORT_BYTES:
        raise BadInput(f"the event is larger than {MAX_REPORT_BYTES} bytes")
    return decode_event(payload, terms)


async def _store_event(request: Request) -> Answer:
    key = await request.authenticate(_key_text(request))
    submission = decode_event(await request.body(MAX_REPORT_BYTES), await terms_of(request.services, key))
    (id,) = await _store(request, key, [submission])
    return Answer(200, encode({"id": id.hex}))


async def _store(request: Request, key: ApiKey, submissions: Sequence[Submission]) -> list[UUID]:
    """Appends the events; raises what was said of the first where none of them could be stored."""
    named = [s if s.id else msgspec.structs.replace(s, id=uuid7()) for s in submissions]
    answers = await store(request.services, key, named)
    stored = [answer.id for answer in answers if not isinstance(answer, AvalonError)]
    if answers and not stored:
        raise cast("AvalonError", answers[0])
    return stored


def _key_text(request: Request) -> str:
    """The key that the headers or the address name, or ""."""
    for header in (request.sentry_auth, request.authorization):
        if match := _SENTRY_KEY.search(header):
            return match[1]
    return request.key or request.parameter("sentry_key")


def _key_in_header(body: bytes) -> str:
    """The key of the DSN in the envelope's own header."""
    try:
        header = split_envelope(body.partition(b"\n")[0]).header
        return urlsplit(as_text(header.get("dsn"))).username or ""
    except (BadInput, ValueError):
        return ""


def _refuse(error: AvalonError) -> Answer:
    """The error, in the headers that SDKs look at: how long to be silent, and about what (all there is)."""
    answer = refusal(error)
    headers = [*answer.headers, (b"x-sentry-error", error.message.encode("ascii", "replace"))]
    if isinstance(error, TooManyRequests):
        headers.append((b"x-sentry-rate-limits", b"%d::key" % max(1, ceil(error.retry_after_s))))
    return Answer(answer.status, answer.body, headers)


@asgi("/api/1/envelope", copy_scope=False, opt={"exclude_from_auth": True})
async def envelope(scope: Scope, receive: Receive, send: Send) -> None:
    """Stores the events of an envelope."""
    await respond(cast("HTTPScope", scope), receive, send, _envelope, _refuse)


@asgi("/api/1/store", copy_scope=False, opt={"exclude_from_auth": True})
async def store_event(scope: Scope, receive: Receive, send: Send) -> None:
    """Stores one event, as SDKs sent them before envelopes."""
    await respond(cast("HTTPScope", scope), receive, send, _store_event, _refuse)


handlers = [envelope, store_event]
