"""Requests of OTLP in both encodings, from one description: a message as protobuf's classes build it."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from avalon.protocols.otlp import JSON, PROTOBUF, Outcome, decode_request
from avalon.protocols.otlp.signals import Signal
from avalon.protocols.submission import Submission

ENCODINGS = (PROTOBUF, JSON)
AT = 1_795_000_000_500_000_000
TRACE_ID = bytes.fromhex("5b8efff798038103d269b633813fc60c")
SPAN_ID = bytes.fromhex("eee19b7ec3c1b174")
STACK = """Traceback (most recent call last):
  File "/srv/shop/orders.py", line 17, in pay
    total = row['price']
            ~~~^^^^^^^^^
KeyError: 'price'
"""
EXCEPTION = {"exception.type": "KeyError", "exception.message": "'price'", "exception.stacktrace": STACK}
RESOURCE = {
    "service.name": "shop",
    "service.version": "1.4.2",
    "deployment.environment.name": "prod",
    "host.name": "web-1",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
    "process.pid": 17,
}


def value_of(value: Any) -> AnyValue:
    """The AnyValue for a value of Python."""
    if value is None:
        return AnyValue()
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[value_of(one) for one in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=attributes_of(value)))
    names = {bool: "bool_value", int: "int_value", float: "double_value", bytes: "bytes_value"}
    return AnyValue(**{names.get(type(value), "string_value"): value})


def attributes_of(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in values.items()]


def a_log(body: Any = "boom", attributes: dict[str, Any] | None = None, **fields: Any) -> LogRecord:
    """A log record; an error, unless it is told otherwise."""
    fields = {"severity_number": 17, "time_unix_nano": AT} | fields
    return LogRecord(body=value_of(body), attributes=attributes_of(attributes or {}), **fields)


def an_event(attributes: dict[str, Any] | None = None, **fields: Any) -> Span.Event:
    fields = {"name": "exception", "time_unix_nano": AT} | fields
    return Span.Event(attributes=attributes_of(EXCEPTION if attributes is None else attributes), **fields)


def a_span(*events: Span.Event, attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    fields = {"name": "POST /orders", "trace_id": TRACE_ID, "span_id": SPAN_ID} | fields
    return Span(events=events, attributes=attributes_of(attributes or {}), **fields)


def logs_of(*records: LogRecord, resource: dict[str, Any] | None = None) -> ExportLogsServiceRequest:
    scope = ScopeLogs(scope=InstrumentationScope(name="shop.orders"), log_records=records)
    named = Resource(attributes=attributes_of(RESOURCE if resource is None else resource))
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=named, scope_logs=[scope])])


def spans_of(*spans: Span) -> ExportTraceServiceRequest:
    scope = ScopeSpans(scope=InstrumentationScope(name="shop.orders"), spans=spans)
    named = Resource(attributes=attributes_of(RESOURCE))
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=named, scope_spans=[scope])])


def encode(request: Message, encoding: str) -> bytes:
    """The body of a request. In JSON, as OTLP has it, ids are hexadecimal and enumerations are numbers."""
    if encoding == PROTOBUF:
        return bytes(request.SerializeToString())
    return json.dumps(_with_hex(MessageToDict(request, use_integers_for_enums=True))).encode()


def _with_hex(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: b64decode(one).hex() if key in ("traceId", "spanId", "parentSpanId") else _with_hex(one)
        for key, one in value.items()
    }


def outcomes(signal: Signal, request: Message | bytes, encoding: str = PROTOBUF) -> list[Outcome]:
    body = request if isinstance(request, bytes) else encode(request, encoding)
    count, found = decode_request(body, signal.readers[encoding])
    listed = list(found)
    assert len(listed) == count
    return listed


def submissions(signal: Signal, request: Message | bytes, encoding: str = PROTOBUF) -> list[Submission]:
    """All reports of a request, of which nothing may be refused."""
    found = outcomes(signal, request, encoding)
    assert [one.refusal for one in found if one.refusal] == []
    return [submission for one in found for submission in one.submissions]
