"""The ways in of Sentry's SDKs: envelopes, the store route of old ones, browsers' reports and minidumps.

What we have no use for is counted and dropped with a 200: an SDK must never be disturbed by what it sends
beside its events. As in `/report`: key, rate and queue before the body, the answer after the commit. Where
the key stands in the envelope only, MAX_UNKNOWN_BYTES are read for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final, TypeVar
from uuid import UUID

from avalon.auth import ApiKey
from avalon.errors import AvalonError, BadInput, PayloadTooLarge
from avalon.protocols.avalon import MAX_REPORT_BYTES
from avalon.protocols.sentry.envelope import EnvelopeParser
from avalon.protocols.sentry.event import read_event
from avalon.protocols.sentry.items import NOT_SUPPORTED, TAKEN, TOO_LARGE
from avalon.protocols.sentry.minidump import MinidumpParser
from avalon.protocols.sentry.store import unpack_store_body
from avalon.protocols.sentry.taking import take_envelope, take_event, take_security
from avalon.protocols.sentry.values import as_text
from avalon.protocols.submission import Submission, read_id
from avalon.routes.ingest_answers import Answer, encode, events_of, terms_of, way_in
from avalon.routes.ingest_feedback import store_feedback
from avalon.routes.ingest_request import Request
from avalon.routes.sentry_items import count_discarded, count_items
from avalon.routes.sentry_request import key_in_header, key_of, refuse

MAX_BODY_BYTES: Final = 20 * 1024 * 1024
MAX_INFLATED_BYTES: Final = 100 * 1024 * 1024
MAX_UNKNOWN_BYTES: Final = 8 * 1024
# Translating that much takes a few milliseconds; more goes to a thread.
SMALL_BYTES: Final = 128 * 1024

Result = TypeVar("Result")


async def _envelope(request: Request) -> Answer:
    """Stores the events of an envelope."""
    parser = EnvelopeParser()
    text = key_of(request)
    if text:
        key = await request.authenticate(text)
        steps = request.steps(MAX_BODY_BYTES, MAX_INFLATED_BYTES)
    else:
        steps = request.steps(MAX_BODY_BYTES, MAX_INFLATED_BYTES, MAX_UNKNOWN_BYTES)
        key = await request.authenticate(await _read_key(parser, steps))
    terms = await terms_of(request.services, key)
    async for step in steps:
        parser.feed(step)
        request.keep(parser.held)
    parser.end()
    taken = await _translate(parser.held, lambda: take_envelope(parser, terms))
    ids = await _store(request, key, taken.submissions)
    ids += await store_feedback(request.services, key, taken.feedback, terms)
    # What was refused comes again, and would be counted twice.
    count_items(request.services, key, taken.items)
    count_discarded(request.services, key, taken.discarded)
    if taken.items["event", TOO_LARGE] and not ids:
        raise PayloadTooLarge(f"the event is larger than {MAX_REPORT_BYTES} bytes")
    id = ids[0] if ids else read_id(as_text((parser.header or {}).get("event_id")))
    return Answer(200, encode({"id": id.hex} if id else {}))


async def _read_key(parser: EnvelopeParser, steps: AsyncIterator[bytes]) -> str:
    """The key in the envelope's header; of a body with a longer one no more than that is read."""
    with suppress(BadInput):
        async for step in steps:
            parser.feed(step)
            if parser.header is not None or parser.held >= MAX_UNKNOWN_BYTES:
                break
        else:
            parser.end()
    return key_in_header(parser.header)


async def _store_event(request: Request) -> Answer:
    """Stores one event, as SDKs sent them before envelopes."""
    if request.content_type.startswith("application/x-sentry-envelope"):
        return await _envelope(request)
    key = await request.authenticate(key_of(request))
    terms = await terms_of(request.services, key)
    body = unpack_store_body(await request.body(MAX_REPORT_BYTES), MAX_REPORT_BYTES)
    submission = await _translate(len(body), lambda: take_event(body, [], terms))
    ids = await _store(request, key, [submission] if submission else [])
    what = ("event", TAKEN) if submission else ("transaction", NOT_SUPPORTED)
    count_items(request.services, key, {what: 1})
    return Answer(200, encode({"id": ids[0].hex} if ids else {}))


async def _security(request: Request) -> Answer:
    """Stores what browsers report of a page's policies."""
    key = await request.authenticate(key_of(request))
    terms = await terms_of(request.services, key)
    body = await request.body(MAX_REPORT_BYTES)
    page = {name: request.parameter(f"sentry_{name}") for name in ("release", "environment")}
    submissions = await _translate(len(body), lambda: take_security(body, page, terms))
    await _store(request, key, submissions)
    return Answer(200, b"")


async def _minidump(request: Request) -> Answer:
    """Stores that a native program crashed."""
    key = await request.authenticate(key_of(request))
    terms = await terms_of(request.services, key)
    parser = MinidumpParser(request.content_type)
    async for step in request.steps(MAX_BODY_BYTES, MAX_INFLATED_BYTES):
        parser.feed(step)
        request.keep(parser.held)
    parser.end()
    submission = await _translate(parser.held, lambda: read_event(parser.event(), None, terms))
    (id,) = await _store(request, key, [submission])
    # Crash reporters show it to people (Relay's TextResponse).
    return Answer(200, str(id).encode(), ((b"content-type", b"text/plain; charset=utf-8"),))


async def _translate(size: int, translate: Callable[[], Result]) -> Result:
    return translate() if size < SMALL_BYTES else await asyncio.to_thread(translate)


async def _store(request: Request, key: ApiKey, submissions: list[Submission]) -> list[UUID]:
    """Appends the events, and gives their ids. Takes them out of the list: as objects they are large.

    Raises what was said of the first that was not stored; sent again, the others are not doubled.
    """
    if not submissions:
        return []
    events = await events_of(request.services, key, submissions)
    submissions.clear()
    stored = []
    for answer in await request.services.ingest.submit_many(events, key):
        if isinstance(answer, AvalonError):
            raise answer
        stored.append(answer.id)
    return stored


handlers = [
    way_in("/api/1/envelope", _envelope, refuse),
    way_in("/api/1/store", _store_event, refuse),
    way_in("/api/1/security", _security, refuse),
    way_in("/api/1/minidump", _minidump, refuse),
]
