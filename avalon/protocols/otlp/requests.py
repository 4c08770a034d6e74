"""A request of an exporter: which of its records become which reports.

Exporters send a request again, byte for byte, when they don't know what became of it. So each report has an
id made from the request's bytes and its place there (RFC 9562 §5.5): sent again it is the same report, while
two records that are equal are two. What tells no time has nothing to tell a retry from a second time, and is
new every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from typing import NamedTuple
from uuid import UUID, uuid5

from avalon.errors import BadInput
from avalon.protocols.otlp.records import MAX_RECORD_BYTES, MAX_REPORTS, Item, Reader
from avalon.protocols.otlp.report import translate
from avalon.protocols.submission import NO_TERMS, Submission, Terms


class Outcome(NamedTuple):
    """What one record or span is: its reports, or why it can't be taken. No reports: it is none of ours."""

    submissions: list[Submission]
    refusal: BadInput | None = None


def decode_request(body: bytes, reader: Reader, terms: Terms = NO_TERMS) -> Iterator[Outcome]:
    """What becomes of each record, in order, each read when it is asked for.

    Raises BadInput and PayloadTooLarge at once, before any of them, where the body is no request.
    """
    return _read(reader.split(body), reader, UUID(bytes=sha256(body).digest()[:16]), terms)


def _read(items: list[Item], reader: Reader, request: UUID, terms: Terms) -> Iterator[Outcome]:
    room = MAX_REPORTS
    for index, item in enumerate(items):
        try:
            submissions = _read_item(item, reader, room, request, index, terms)
        except BadInput as error:
            yield Outcome([], error)
        else:
            room -= len(submissions)
            yield Outcome(submissions)


def _read_item(
    item: Item, reader: Reader, room: int, request: UUID, index: int, terms: Terms
) -> list[Submission]:
    if isinstance(item.origin, BadInput):
        raise item.origin
    if len(item.content) > MAX_RECORD_BYTES:
        raise BadInput(f"a record is larger than {MAX_RECORD_BYTES} bytes")
    records = list(islice(reader.read(item.origin, item.content), room + 1))
    if len(records) > room:
        raise BadInput(f"more than {MAX_REPORTS} reports in one request; send smaller batches")
    return [
        translate(record, uuid5(request, f"{index}.{number}"), terms) for number, record in enumerate(records)
    ]
