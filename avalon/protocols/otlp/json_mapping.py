"""OTLP in JSON: the mapping of protobuf, but for ids in hexadecimal and enumerations as numbers.

Unknown fields are passed over, as the specification asks (OTLP 1.x, "JSON Protobuf Encoding"). What is around
the records must be of the right shape; a record that is not costs no more than itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import msgspec

from avalon.errors import BadInput, PayloadTooLarge
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
from avalon.protocols.sentry.values import as_text
from avalon.reports.untrusted import exceeds_depth, kind_of, parse_json

# Browsers and scripts send it, a few records at once; in memory it is larger than protobuf.
MAX_BYTES: Final = 5 * 1024 * 1024
# As protobuf's own decoders have it; a value in a list or an object stands in four levels of JSON.
MAX_DEPTH: Final = 200
_MAX_DIGITS: Final = 20
_EMPTY: Final = msgspec.Raw(b"{}")


class _ScopeLogs(msgspec.Struct):
    scope: msgspec.Raw = _EMPTY
    records: list[msgspec.Raw] | None = msgspec.field(default=None, name="logRecords")


class _ScopeSpans(msgspec.Struct):
    scope: msgspec.Raw = _EMPTY
    records: list[msgspec.Raw] | None = msgspec.field(default=None, name="spans")


class _ResourceLogs(msgspec.Struct):
    resource: msgspec.Raw = _EMPTY
    scopes: list[_ScopeLogs] | None = msgspec.field(default=None, name="scopeLogs")


class _ResourceSpans(msgspec.Struct):
    resource: msgspec.Raw = _EMPTY
    scopes: list[_ScopeSpans] | None = msgspec.field(default=None, name="scopeSpans")


class _Logs(msgspec.Struct):
    resources: list[_ResourceLogs] | None = msgspec.field(default=None, name="resourceLogs")


class _Spans(msgspec.Struct):
    resources: list[_ResourceSpans] | None = msgspec.field(default=None, name="resourceSpans")


_decode_logs: Final = msgspec.json.Decoder(_Logs).decode
_decode_spans: Final = msgspec.json.Decoder(_Spans).decode


def _split(body: bytes, decode: Callable[[bytes], _Logs | _Spans]) -> list[Item]:
    if exceeds_depth(body, MAX_DEPTH):
        raise BadInput(f"the JSON is nested deeper than {MAX_DEPTH} levels")
    try:
        request = _decode_or_mend(body, decode)
    except msgspec.ValidationError as error:
        raise BadInput(f"the body is no request of OTLP: {error}") from None
    if _size_of(request) > MAX_ITEMS:
        raise PayloadTooLarge(f"the request holds more than {MAX_ITEMS} records and their parents")
    return list(_items(request))


def _size_of(request: _Logs | _Spans) -> int:
    """The resources, scopes and records together."""
    resources = request.resources or ()
    scopes = [scope for resource in resources for scope in resource.scopes or ()]
    return len(resources) + len(scopes) + sum(len(scope.records or ()) for scope in scopes)


def _items(request: _Logs | _Spans) -> Iterator[Item]:
    for resource in request.resources or ():
        common = bytes(resource.resource)
        for scope in resource.scopes or ():
            own = bytes(scope.scope)
            for record in scope.records or ():
                yield Item(common, own, bytes(record))


def _decode_or_mend(body: bytes, decode: Callable[[bytes], _Logs | _Spans]) -> _Logs | _Spans:
    """The request, also where a text was cut within an emoji, or a number is NaN."""
    try:
        return decode(body)
    except msgspec.ValidationError:
        raise
    except (ValueError, RecursionError):
        mended = json.dumps(parse_json(body, MAX_DEPTH), ensure_ascii=False)
        return decode(mended.encode("utf-8", "replace"))


def _read_resource(content: bytes) -> Origin:
    return read_resource(_attributes(_read(content).get("attributes")))


def _with_scope(origin: Origin, content: bytes) -> Origin:
    scope = _read(content)
    name, version = as_text(scope.get("name")), as_text(scope.get("version"))
    return with_scope(origin, name, version, _attributes(scope.get("attributes")))


def _read(content: bytes) -> dict[str, Any]:
    """An object; null is one with nothing in it, as in protobuf's mapping."""
    fields = parse_json(content, MAX_DEPTH)
    if fields is None:
        return {}
    if type(fields) is not dict:
        raise BadInput(f"expected a message as a JSON object, got {kind_of(fields)}")
    return fields


def _read_log(origin: Origin, content: bytes) -> Iterator[Record]:
    """The log record, if it is one that becomes a report."""
    log = _read(content)
    attributes = _attributes(log.get("attributes"))
    level = level_of(_integer(log.get("severityNumber")), as_text(log.get("severityText")))
    if is_alarming(level) or any(name.startswith(EXCEPTION_ATTRIBUTE) for name in attributes):
        yield Record(
            origin=origin,
            attributes=attributes,
            level=level,
            time=_integer(log.get("timeUnixNano")) or _integer(log.get("observedTimeUnixNano")),
            body=_value(log.get("body")),
            event_name=as_text(log.get("eventName")),
            trace_id=_hex(log.get("traceId")),
            span_id=_hex(log.get("spanId")),
        )


def _read_span(origin: Origin, content: bytes) -> Iterator[Record]:
    """The exceptions that the span recorded."""
    span = _read(content)
    attributes = _attributes(span.get("attributes"))
    for event in _objects(span.get("events")):
        if event.get("name") == EXCEPTION:
            yield Record(
                origin=origin,
                attributes=attributes | _attributes(event.get("attributes")),
                time=_integer(event.get("timeUnixNano")) or _integer(span.get("endTimeUnixNano")),
                trace_id=_hex(span.get("traceId")),
                span_id=_hex(span.get("spanId")),
                parent_span_id=_hex(span.get("parentSpanId")),
                span=as_text(span.get("name")),
            )


def _attributes(value: Any) -> Attributes:
    pairs = _objects(value)[:MAX_ATTRIBUTES]
    return {as_text(pair.get("key")): _value(pair.get("value")) for pair in pairs}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if type(one) is dict] if type(value) is list else []


def _value(value: Any) -> Any:
    """Of an AnyValue: an object with one field, which names its type."""
    if type(value) is not dict or not value:
        return None
    kind, content = next(iter(value.items()))
    match kind:
        case "arrayValue" if type(content) is dict:
            return [_value(inner) for inner in _objects(content.get("values"))[:MAX_ATTRIBUTES]]
        case "kvlistValue" if type(content) is dict:
            return _attributes(content.get("values"))
        case "intValue":
            return _integer(content) if _is_integer(content) else content
        case "doubleValue" | "stringValue" | "boolValue" | "bytesValue":
            return content
    return None


def _is_integer(value: Any) -> bool:
    """Whether it is a whole number, or a text of one; 64 bits are at most 20 digits."""
    if type(value) is str:
        digits = value.removeprefix("-")
        return digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    return type(value) is int


def _integer(value: Any) -> int:
    return int(value) if _is_integer(value) else 0


def _hex(value: Any) -> str:
    return value.lower() if type(value) is str else ""


LOGS: Final = Reader(MAX_BYTES, partial(_split, decode=_decode_logs), _read_resource, _with_scope, _read_log)
SPANS: Final = Reader(
    MAX_BYTES, partial(_split, decode=_decode_spans), _read_resource, _with_scope, _read_span
)
