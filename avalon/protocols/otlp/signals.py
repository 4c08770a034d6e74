"""What exporters send: logs and traces, of which we want some, and metrics, of which we want none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from avalon.protocols.otlp import json_mapping, protobuf
from avalon.protocols.otlp.origin import Origin
from avalon.protocols.otlp.records import Item, Reader, Record

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"


class Signal(NamedTuple):
    """A signal: who reads it in which content type, and what its answer is called, with what was rejected."""

    name: str
    readers: Mapping[str, Reader]
    response: type[Any]
    rejected: str


def _unread(body: bytes) -> list[Item]:
    return [Item(b"", b"", b"")]


def _no_resource(content: bytes) -> Origin:
    return Origin()


def _no_scope(origin: Origin, content: bytes) -> Origin:
    return origin


def _nothing(origin: Origin, content: bytes) -> Iterator[Record]:
    return iter(())


_UNREAD: Final = Reader(protobuf.MAX_BYTES, _unread, _no_resource, _no_scope, _nothing)

LOGS: Final = Signal(
    "logs",
    {PROTOBUF: protobuf.LOGS, JSON: json_mapping.LOGS},
    ExportLogsServiceResponse,
    "rejected_log_records",
)
SPANS: Final = Signal(
    "spans",
    {PROTOBUF: protobuf.SPANS, JSON: json_mapping.SPANS},
    ExportTraceServiceResponse,
    "rejected_spans",
)
METRICS: Final = Signal(
    "metrics", {PROTOBUF: _UNREAD, JSON: _UNREAD}, ExportMetricsServiceResponse, "rejected_data_points"
)
