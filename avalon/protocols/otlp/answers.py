"""What OTLP answers, in the encoding of the request: Export…ServiceResponse, or google.rpc.Status.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

from __future__ import annotations

from typing import Final

import msgspec
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from avalon.protocols.otlp.signals import JSON, PROTOBUF, Signal

# Exporters write it into one line of their log.
_MAX_MESSAGE: Final = 500
_encode: Final = msgspec.json.Encoder().encode


def success(signal: Signal, content_type: str, rejected: int = 0, message: str = "") -> bytes:
    """That the request was taken, but for so many of its records."""
    message = message[:_MAX_MESSAGE]
    if content_type == JSON:
        said = {_camel(signal.rejected): str(rejected), "errorMessage": message}
        return _encode({"partialSuccess": said} if rejected else {})
    answer = signal.response()
    if rejected:
        answer.partial_success.error_message = message
        setattr(answer.partial_success, signal.rejected, rejected)
    return bytes(answer.SerializeToString())


def failure(content_type: str, message: str) -> bytes:
    """A google.rpc.Status without its code, which OTLP does not use; protobuf only where that was sent.

    OTLP's own Status has the same text under the same number, so its bytes are the same.
    """
    message = message[:_MAX_MESSAGE]
    if content_type == PROTOBUF:
        return bytes(Status(message=message).SerializeToString())
    return _encode({"message": message})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
