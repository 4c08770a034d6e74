"""What both encodings are read to: items unread, and the records in them, with what they share.

The value of an attribute is what JSON would have: text, number, boolean, null, list or object; bytes come as
base64. `Record.attributes` is the record's own: whoever translates it takes out what it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from avalon.protocols.otlp.origin import Origin
from avalon.protocols.otlp.values import Attributes

# As large as any report may be; of a record, a resource or a scope.
MAX_RECORD_BYTES: Final = 1024 * 1024
# Resources, scopes and records of one request. A collector sends 8,192 records, unless it is told otherwise.
MAX_ITEMS: Final = 100_000
# Reports of one request; it takes some seconds to store so many, and exporters wait for ten.
MAX_REPORTS: Final = 10_000
# Of these in all, with what they share: each is stored with its resource, and each event with its span.
MAX_REPORTS_BYTES: Final = 64 * 1024 * 1024
# Exceptions of one span; those behind are not read. SDKs keep so many events.
MAX_EVENTS: Final = 128
# Of these in all, each with its whole span: they are in memory together, and take twenty times their bytes.
MAX_EVENTS_BYTES: Final = 16 * 1024 * 1024
# Those behind are not read: SDKs keep 128, and a report no more than these.
MAX_ATTRIBUTES: Final = 1_000

EXCEPTION: Final = "exception"
EXCEPTION_ATTRIBUTE: Final = "exception."


class Item(NamedTuple):
    """A log record or a span, with its resource and its scope, all of them unread."""

    resource: bytes
    scope: bytes
    content: bytes


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A log record, or the event of a span. Ids are hexadecimal; what there is none of is empty.

    `level` is one of ours, or "" where the record does not say. `span` is the span's name.
    """

    origin: Origin
    attributes: Attributes
    level: str = "error"
    time: int = 0
    body: Any = None
    event_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    span: str = ""


class Reader(NamedTuple):
    """How one signal in one encoding is read.

    `split` raises BadInput or PayloadTooLarge, the others BadInput; what `read` gives of a record becomes
    reports.
    """

    max_bytes: int
    split: Callable[[bytes], list[Item]]
    read_resource: Callable[[bytes], Origin]
    with_scope: Callable[[Origin, bytes], Origin]
    read: Callable[[Origin, bytes], Iterator[Record]]
