"""OpenTelemetry's way in: `/v1/logs` and `/v1/traces`, and `/v1/metrics`, which is taken and dropped.

An SDK that is given one endpoint sends all three there, and would complain of a 404 once a minute. Answers
are in the encoding of the request. Where Postgres goes away in the middle of a large request, all of it is
asked for again: its reports have the same ids then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar, cast

import msgspec
from litestar import asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from avalon.auth import ApiKey
from avalon.errors import AvalonError, BadInput, TooManyRequests, Unavailable, UnsupportedMedia
from avalon.ingest import Answer as Stored
from avalon.protocols.otlp import (
    JSON,
    LOGS,
    METRICS,
    PROTOBUF,
    SPANS,
    Outcome,
    Signal,
    decode_request,
    failure,
    success,
)
from avalon.protocols.submission import Submission
from avalon.routes.answers import error_headers
from avalon.routes.ingest_answers import Answer, respond, store, terms_of
from avalon.routes.ingest_request import Request
from avalon.routes.peer import header
from avalon.telemetry import RECORDS

# Records that are read, and reports that are appended, at a time.
CHUNK: Final = 500
# One request is read after the other, beside the loop: some hundred records fit into a packet, and what is
# read of a large body takes a multiple of its bytes.
_READER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="otlp")

Result = TypeVar("Result")


class Tally(msgspec.Struct):
    """What became of a request's records. `refusal` is the first reason why one was rejected."""

    stored: int = 0
    dropped: int = 0
    rejected: int = 0
    refusal: AvalonError | None = None

    def add(self, reports: int, refusal: AvalonError | None) -> None:
        """Counts a record."""
        if refusal is not None:
            self.rejected += 1
            self.refusal = self.refusal or refusal
        elif reports:
            self.stored += 1
        else:
            self.dropped += 1


async def _take(request: Request, signal: Signal) -> Answer:
    key = await request.authenticate(_key_text(request))
    media_type = _media_type(request.content_type)
    if media_type not in signal.readers:
        raise UnsupportedMedia(f"send it as {PROTOBUF} or {JSON}")
    reader = signal.readers[media_type]
    terms = await terms_of(request.services, key)
    body = await request.body(reader.max_bytes)
    outcomes = await _read(lambda: decode_request(body, reader, terms))
    tally = Tally()
    while chunk := await _read(lambda: list(islice(outcomes, CHUNK))):
        await _store(request, key, chunk, tally)
    return _answer(signal, media_type, tally)


async def _read(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_READER, work)


async def _store(request: Request, key: ApiKey, chunk: Sequence[Outcome], tally: Tally) -> None:
    """Appends the reports of some records; raises Unavailable where any of them was not stored for that."""
    said = iter(await _append(request, key, [one for outcome in chunk for one in outcome.submissions]))
    for outcome in chunk:
        refusals = [one for one in islice(said, len(outcome.submissions)) if isinstance(one, AvalonError)]
        tally.add(len(outcome.submissions), outcome.refusal or next(iter(refusals), None))


async def _append(request: Request, key: ApiKey, submissions: Sequence[Submission]) -> list[Stored]:
    said: list[Stored] = []
    for part in _parts(submissions):
        try:
            said += await store(request.services, key, part)
        except TooManyRequests as error:
            said += [error] * len(part)
    for one in said:
        if isinstance(one, Unavailable):
            raise one
    return said


def _parts(submissions: Sequence[Submission]) -> Iterator[Sequence[Submission]]:
    for start in range(0, len(submissions), CHUNK):
        yield submissions[start : start + CHUNK]


def _answer(signal: Signal, media_type: str, tally: Tally) -> Answer:
    """A success, with what was rejected; an error only where that may be sent again, or is all there was."""
    for outcome in ("stored", "dropped", "rejected"):
        RECORDS.labels(signal.name, outcome).inc(getattr(tally, outcome))
    refusal = tally.refusal
    if isinstance(refusal, TooManyRequests) and not tally.stored:
        raise refusal
    if isinstance(refusal, BadInput) and not (tally.stored or tally.dropped):
        raise refusal
    body = success(signal, media_type, tally.rejected, refusal.message if refusal else "")
    return Answer(200, body, ((b"content-type", media_type.encode()),))


def _key_text(request: Request) -> str:
    """The key of X-API-Key, or the Bearer token of Authorization."""
    scheme, _, token = request.authorization.partition(" ")
    return request.key or (token.strip() if scheme.lower() == "bearer" else "")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


async def _respond(signal: Signal, scope: Scope, receive: Receive, send: Send) -> None:
    media_type = _media_type(header(scope, b"content-type"))
    said_in = media_type if media_type == PROTOBUF else JSON

    def refuse(error: AvalonError) -> Answer:
        headers = [(b"content-type", said_in.encode()), *error_headers(error)]
        return Answer(error.status, failure(said_in, error.message), headers)

    await respond(cast("HTTPScope", scope), receive, send, lambda request: _take(request, signal), refuse)


@asgi("/v1/logs", copy_scope=False, opt={"exclude_from_auth": True})
async def logs(scope: Scope, receive: Receive, send: Send) -> None:
    """Stores the log records that are at least warnings, or tell of an exception."""
    await _respond(LOGS, scope, receive, send)


@asgi("/v1/traces", copy_scope=False, opt={"exclude_from_auth": True})
async def traces(scope: Scope, receive: Receive, send: Send) -> None:
    """Stores the exceptions that spans recorded."""
    await _respond(SPANS, scope, receive, send)


@asgi("/v1/metrics", copy_scope=False, opt={"exclude_from_auth": True})
async def metrics(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes metrics, and drops them."""
    await _respond(METRICS, scope, receive, send)


handlers = [logs, traces, metrics]
