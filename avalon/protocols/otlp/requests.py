"""A request of an exporter: which of its records become which reports.

Exporters send a request again, byte for byte, when they don't know what became of it. So each report has an
id made from the request's bytes and its place there (RFC 9562 §5.5): sent again it is the same report, while
two records that are equal are two. A record without any time could not be told from another one like it, and
is new every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import count, islice
from typing import NamedTuple
from uuid import UUID, uuid5

from avalon.errors import BadInput
from avalon.protocols.otlp.origin import Origin
from avalon.protocols.otlp.records import (
    MAX_EVENTS,
    MAX_EVENTS_BYTES,
    MAX_RECORD_BYTES,
    MAX_REPORTS,
    MAX_REPORTS_BYTES,
    Item,
    Reader,
    Record,
)
from avalon.protocols.otlp.report import translate
from avalon.protocols.submission import NO_TERMS, Submission, Terms

_OriginOf = Callable[[bytes, bytes], Origin | BadInput]


class Outcome(NamedTuple):
    """What one record or span is: its reports, or why it can't be taken. No reports: it is none of ours.

    `size`: the bytes that the reports were made of, each with all that it shares.
    """

    submissions: list[Submission]
    refusal: BadInput | None = None
    size: int = 0


def decode_request(body: bytes, reader: Reader, terms: Terms = NO_TERMS) -> tuple[int, Iterator[Outcome]]:
    """How many records there are, and what becomes of each, in order, read when it is asked for.

    Raises BadInput and PayloadTooLarge at once, before any of them, where the body is no request.
    """
    items = reader.split(body)
    return len(items), _read(items, reader, UUID(bytes=sha256(body).digest()[:16]), terms)


def _read(items: list[Item], reader: Reader, request: UUID, terms: Terms) -> Iterator[Outcome]:
    reports = size = 0
    origin_of = _origins(reader)
    for index, item in enumerate(items):
        try:
            records = _records(item, reader, origin_of)
            own = len(records) * sum(map(len, item))
            reports += len(records)
            size += own
            if records and (reports > MAX_REPORTS or size > MAX_REPORTS_BYTES):
                raise BadInput("the request holds too many reports; send smaller batches")
        except BadInput as error:
            yield Outcome([], error)
        else:
            ids = (uuid5(request, f"{index}.{number}") for number in count())
            submissions = [translate(record, id, terms) for record, id in zip(records, ids, strict=False)]
            yield Outcome(submissions, size=own)


def _records(item: Item, reader: Reader, origin_of: _OriginOf) -> list[Record]:
    origin = origin_of(item.resource, item.scope)
    if isinstance(origin, BadInput):
        raise origin
    if len(item.content) > MAX_RECORD_BYTES:
        raise BadInput(f"a record is larger than {MAX_RECORD_BYTES} bytes")
    most = min(MAX_EVENTS, MAX_EVENTS_BYTES // max(1, sum(map(len, item))))
    return list(islice(reader.read(origin, item.content), max(1, most)))


def _origins(reader: Reader) -> _OriginOf:
    """Reads an origin, or says why it can't be read.

    It stands behind many records beside each other, and takes many times its bytes: the last one is kept.
    """

    @lru_cache(maxsize=1)
    def read_resource(resource: bytes) -> Origin | BadInput:
        if len(resource) > MAX_RECORD_BYTES:
            return BadInput(f"a resource is larger than {MAX_RECORD_BYTES} bytes")
        try:
            return reader.read_resource(resource)
        except BadInput as error:
            return error

    @lru_cache(maxsize=1)
    def origin_of(resource: bytes, scope: bytes) -> Origin | BadInput:
        origin = read_resource(resource)
        if isinstance(origin, BadInput):
            return origin
        if len(scope) > MAX_RECORD_BYTES:
            return BadInput(f"a scope is larger than {MAX_RECORD_BYTES} bytes")
        try:
            return reader.with_scope(origin, scope)
        except BadInput as error:
            return error

    return origin_of
