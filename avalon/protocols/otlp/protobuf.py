"""OTLP in protobuf, by the official messages (https://github.com/open-telemetry/opentelemetry-proto, 1.x).

The messages around the records are taken apart by hand, the records decoded one by one: a string that is not
UTF-8, which protobuf refuses together with all that stands around it, costs no more than its own record.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no stubs
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from avalon.errors import BadInput
from avalon.protocols.otlp.origin import Origin, read_resource, with_scope
from avalon.protocols.otlp.records import (
    EXCEPTION,
    EXCEPTION_ATTRIBUTE,
    MAX_ATTRIBUTES,
    MAX_ITEMS,
    Item,
    Reader,
    Record,
)
from avalon.protocols.otlp.severity import is_alarming, level_of
from avalon.protocols.otlp.values import Attributes
from avalon.protocols.otlp.wire import Wire

# What the specification recommends (OTLP 1.x, "OTLP/HTTP Request").
MAX_BYTES: Final = 20 * 1024 * 1024
# Of ResourceLogs, ScopeLogs, ResourceSpans and ScopeSpans alike: what is common, and what is in it.
_COMMON, _INNER = 1, 2

AnyMessage = TypeVar("AnyMessage", LogRecord, Span, Resource, InstrumentationScope)


def _split(body: bytes) -> list[Item]:
    """The records of an Export…ServiceRequest, unread."""
    wire = Wire(MAX_ITEMS)
    items: list[Item] = []
    for number, part in wire.split(body):
        if number == 1:
            items += _of_resource(wire, part)
    return items


def _of_resource(wire: Wire, part: bytes) -> Iterator[Item]:
    resource, scopes = _halves(wire, part)
    for scope in scopes:
        common, records = _halves(wire, scope)
        for record in records:
            yield Item(resource, common, record)


def _halves(wire: Wire, part: bytes) -> tuple[bytes, list[bytes]]:
    """The bytes of what is common to all that is in a message, and of each that is in it.

    Parts of one message that come apart are one: protobuf says that their bytes may be put together.
    """
    fields = list(wire.split(part))
    common = b"".join([content for number, content in fields if number == _COMMON])
    return common, [content for number, content in fields if number == _INNER]


def _read_resource(content: bytes) -> Origin:
    return read_resource(_attributes(_decode(Resource, content).attributes))


def _with_scope(origin: Origin, content: bytes) -> Origin:
    scope = _decode(InstrumentationScope, content)
    return with_scope(origin, scope.name, scope.version, _attributes(scope.attributes))


def _read_log(origin: Origin, content: bytes) -> Iterator[Record]:
    """The log record, if it is one that becomes a report."""
    log = _decode(LogRecord, content)
    level = level_of(log.severity_number, log.severity_text)
    if is_alarming(level) or _has_exception(log.attributes):
        yield Record(
            origin=origin,
            attributes=_attributes(log.attributes),
            level=level,
            time=log.time_unix_nano or log.observed_time_unix_nano,
            body=_value(log.body),
            event_name=log.event_name,
            trace_id=log.trace_id.hex(),
            span_id=log.span_id.hex(),
        )


def _read_span(origin: Origin, content: bytes) -> Iterator[Record]:
    """The exceptions that the span recorded."""
    span = _decode(Span, content)
    attributes = _attributes(span.attributes)
    for event in span.events:
        if event.name == EXCEPTION:
            yield Record(
                origin=origin,
                attributes=attributes | _attributes(event.attributes),
                time=event.time_unix_nano or span.end_time_unix_nano,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_span_id=span.parent_span_id.hex(),
                span=span.name,
            )


def _decode(kind: type[AnyMessage], content: bytes) -> AnyMessage:
    message = kind()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        # "Error parsing message with type '…': what is wrong"
        raise BadInput(f"this {kind.__name__} can't be read: {str(error).rpartition(': ')[2]}") from None
    return message


def _has_exception(attributes: Any) -> bool:
    return any(one.key.startswith(EXCEPTION_ATTRIBUTE) for one in attributes[:MAX_ATTRIBUTES])


def _attributes(attributes: Any) -> Attributes:
    return {one.key: _value(one.value) for one in attributes[:MAX_ATTRIBUTES]}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(inner) for inner in value.array_value.values[:MAX_ATTRIBUTES]]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode()
    return None if kind is None else getattr(value, kind)


LOGS: Final = Reader(MAX_BYTES, _split, _read_resource, _with_scope, _read_log)
SPANS: Final = Reader(MAX_BYTES, _split, _read_resource, _with_scope, _read_span)
