"""What OTLP answers, in the encoding of the request: Export…ServiceResponse, or google.rpc.Status.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Status

_encode: Final = msgspec.json.Encoder().encode

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
# Also of Status, which has room for it: https://google.aip.dev/193
_MAX_MESSAGE: Final = 500


class Replies(NamedTuple):
    """The message of a signal, and what it calls records that were rejected."""

    response: type[Any]
    rejected: str


LOGS: Final = Replies(ExportLogsServiceResponse, "rejected_log_records")
SPANS: Final = Replies(ExportTraceServiceResponse, "rejected_spans")


def success(replies: Replies, content_type: str, rejected: int = 0, message: str = "") -> bytes:
    """That the request was taken, but for so many of its records."""
    message = message[:_MAX_MESSAGE]
    if content_type == JSON:
        said = {_camel(replies.rejected): str(rejected), "errorMessage": message}
        return _encode({"partialSuccess": said} if rejected else {})
    answer = replies.response()
    if rejected:
        answer.partial_success.error_message = message
        setattr(answer.partial_success, replies.rejected, rejected)
    encoded: bytes = answer.SerializeToString()
    return encoded


def failure(content_type: str, message: str) -> bytes:
    """A google.rpc.Status without its code, which OTLP does not use.

    OTLP's own Status has the same message under the same number, so the bytes are the same.
    """
    message = message[:_MAX_MESSAGE]
    return (
        _encode({"message": message}) if content_type == JSON else Status(message=message).SerializeToString()
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
