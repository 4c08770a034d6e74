"""A request of an exporter: which of its records become which reports.

Exporters send a request again, byte for byte, when they don't know what became of it. So each report has an
id made from the request's bytes and its place there (RFC 9562 §5.5): sent again it is the same report, while
two records that are equal are two. A record without any time could not be told from another one like it, and
is new every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count, islice
from typing import NamedTuple
from uuid import UUID, uuid5

from avalon.errors import BadInput
from avalon.protocols.otlp.records import (
    MAX_EVENTS,
    MAX_RECORD_BYTES,
    MAX_REPORTS,
    MAX_REPORTS_BYTES,
    Item,
    Reader,
    Record,
)
from avalon.protocols.otlp.report import translate
from avalon.protocols.submission import NO_TERMS, Submission, Terms


class Outcome(NamedTuple):
    """What one record or span is: its reports, or why it can't be taken. No reports: it is none of ours."""

    submissions: list[Submission]
    refusal: BadInput | None = None


def decode_request(body: bytes, reader: Reader, terms: Terms = NO_TERMS) -> tuple[int, Iterator[Outcome]]:
    """How many records there are, and what becomes of each, in order, read when it is asked for.

    Raises BadInput and PayloadTooLarge at once, before any of them, where the body is no request.
    """
    items = reader.split(body)
    return len(items), _read(items, reader, UUID(bytes=sha256(body).digest()[:16]), terms)


def _read(items: list[Item], reader: Reader, request: UUID, terms: Terms) -> Iterator[Outcome]:
    reports = size = 0
    for index, item in enumerate(items):
        try:
            records = _records(item, reader)
            reports += len(records)
            size += len(records) * (item.shared_bytes + len(item.content))
            if records and (reports > MAX_REPORTS or size > MAX_REPORTS_BYTES):
                raise BadInput("the request holds too many reports; send smaller batches")
        except BadInput as error:
            yield Outcome([], error)
        else:
            ids = (uuid5(request, f"{index}.{number}") for number in count())
            yield Outcome([translate(record, id, terms) for record, id in zip(records, ids, strict=False)])


def _records(item: Item, reader: Reader) -> list[Record]:
    if isinstance(item.origin, BadInput):
        raise item.origin
    if len(item.content) > MAX_RECORD_BYTES:
        raise BadInput(f"a record is larger than {MAX_RECORD_BYTES} bytes")
    return list(islice(reader.read(item.origin, item.content), MAX_EVENTS))
