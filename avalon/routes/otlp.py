"""OpenTelemetry's way in: `/v1/logs` and `/v1/traces`, and `/v1/metrics`, which is taken and dropped.

An SDK that is given one endpoint sends all three there, and would complain of a 404 once a minute. Answers
are in the encoding of the request. Where Postgres goes away in the middle of a large request, all of it is
asked for again: its reports have the same ids then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final, TypeVar

import msgspec

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
from avalon.routes.ingest_answers import Answer, store, terms_of, way_in
from avalon.routes.ingest_request import Request
from avalon.telemetry import RECORDS

# Records that are read, and reports that are appended, at a time.
CHUNK: Final = 500
# Of what they are made of: it may take twenty times as much, and a second to read.
CHUNK_BYTES: Final = 1024 * 1024
# One request is read after the other, beside the loop: some hundred records fit into a packet, and what is
# read of a large body takes a multiple of its bytes.
_READER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="otlp")

# What a record takes in memory beside its own bytes, until it is read: a hundred thousand fit into 400 KB.
RECORD_BYTES: Final = 150

Result = TypeVar("Result")


class Tally(msgspec.Struct):
    """What became of a request's records. `refusal` is why one was rejected: a rate, or the first reason."""

    stored: int = 0
    dropped: int = 0
    rejected: int = 0
    refusal: AvalonError | None = None

    def add(self, reports: int, refusal: AvalonError | None) -> None:
        """Counts a record."""
        if refusal is not None:
            self.rejected += 1
            if self.refusal is None or isinstance(refusal, TooManyRequests):
                self.refusal = refusal
        elif reports:
            self.stored += 1
        else:
            self.dropped += 1


async def _take(signal: Signal, request: Request) -> Answer:
    """A success, with what was rejected; an error where all may be sent again, or nothing could be read."""
    key = await request.authenticate(_key_text(request))
    media_type = _media_type(request.content_type)
    if media_type not in signal.readers:
        raise UnsupportedMedia(f"send it as {PROTOBUF} or {JSON}")
    reader = signal.readers[media_type]
    terms = await terms_of(request.services, key)
    body = await _body(request, reader.max_bytes)
    count, outcomes = await _read(lambda: decode_request(body, reader, terms))
    request.keep(len(body) + count * RECORD_BYTES)
    tally = Tally()
    while chunk := await _read(lambda: _chunk(outcomes)):
        await _store(request, key, chunk, tally)
    refusal = tally.refusal
    if isinstance(refusal, TooManyRequests) and not tally.stored:
        raise refusal
    _count(request, key, signal, tally)
    if isinstance(refusal, BadInput) and not (tally.stored or tally.dropped):
        raise refusal
    body = success(signal, media_type, tally.rejected, refusal.message if refusal else "")
    return Answer(200, body, ((b"content-type", media_type.encode()),))


async def _body(request: Request, limit: int) -> bytes:
    """The body inflated, and what it takes in memory counted while it grows."""
    parts, size = [], 0
    async for step in request.steps(limit, limit):
        size += len(step)
        request.keep(size)
        parts.append(step)
    return b"".join(parts)


async def _read(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_READER, work)


def _chunk(outcomes: Iterator[Outcome]) -> list[Outcome]:
    """The next ones, with CHUNK reports or CHUNK_BYTES or a little more, where there are so many."""
    chunk: list[Outcome] = []
    reports = size = 0
    for outcome in outcomes:
        chunk.append(outcome)
        reports += len(outcome.submissions)
        size += outcome.size
        if max(reports, len(chunk)) >= CHUNK or size >= CHUNK_BYTES:
            break
    return chunk


async def _store(request: Request, key: ApiKey, chunk: Sequence[Outcome], tally: Tally) -> None:
    """Appends the reports of some records; raises Unavailable where any of them was not stored for that."""
    said = iter(await _append(request, key, [one for outcome in chunk for one in outcome.submissions]))
    for outcome in chunk:
        refusals = [one for one in islice(said, len(outcome.submissions)) if isinstance(one, AvalonError)]
        tally.add(len(outcome.submissions), outcome.refusal or next(iter(refusals), None))


async def _append(request: Request, key: ApiKey, submissions: Sequence[Submission]) -> list[Stored]:
    try:
        said = await store(request.services, key, submissions)
    except TooManyRequests as error:
        said = [error] * len(submissions)
    for one in said:
        if isinstance(one, Unavailable):
            raise one
    return said


def _count(request: Request, key: ApiKey, signal: Signal, tally: Tally) -> None:
    for outcome in ("stored", "dropped", "rejected"):
        RECORDS.labels(signal.name, outcome).inc(getattr(tally, outcome))
    add = request.services.drops.add
    add(key, by="avalon", reason="no_error", category=signal.name, quantity=tally.dropped)
    if tally.refusal is not None:
        add(key, by="avalon", reason=tally.refusal.code, category=signal.name, quantity=tally.rejected)


def _key_text(request: Request) -> str:
    """The key of X-API-Key, or the Bearer token of Authorization."""
    scheme, _, token = request.authorization.partition(" ")
    return request.key or (token.strip() if scheme.lower() == "bearer" else "")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _refuse(request: Request, error: AvalonError) -> Answer:
    """A google.rpc.Status in the encoding of the request; in JSON where that is neither."""
    media_type = PROTOBUF if _media_type(request.content_type) == PROTOBUF else JSON
    headers = [(b"content-type", media_type.encode()), *error_headers(error)]
    return Answer(error.status, failure(media_type, error.message), headers)


handlers = [
    way_in("/v1/logs", partial(_take, LOGS), _refuse),
    way_in("/v1/traces", partial(_take, SPANS), _refuse),
    way_in("/v1/metrics", partial(_take, METRICS), _refuse),
]
