"""The operations of OpenTelemetry's ways in, by hand, as in `avalon.routes.openapi_asgi`."""

from __future__ import annotations

from typing import Any, Final

from avalon.routes.openapi_asgi import ENCODINGS, as_json

_KEY: Final[list[dict[str, list[str]]]] = [{"apiKey": []}, {"apiKeyAsBearer": []}]
_PROTOBUF: Final = {"application/x-protobuf": {"schema": {"type": "string"}}}
_STATUS: Final = {
    "description": "A google.rpc.Status; 429 and 503 say in Retry-After when to try again",
    "content": as_json({"type": "object", "properties": {"message": {"type": "string"}}}) | _PROTOBUF,
}


def _otlp(name: str, description: str) -> dict[str, Any]:
    content = as_json({"type": "object"}) | _PROTOBUF
    return {
        "post": {
            "tags": ["ingest"],
            "operationId": f"Otlp{name}",
            "description": f"{description} OTLP/HTTP, answered in the encoding of the request."
            " At most 20 MiB of protobuf or 5 MiB of JSON, inflated.",
            "security": _KEY,
            "parameters": [ENCODINGS],
            "requestBody": {"required": True, "content": content},
            "responses": {
                "200": {"description": f"Export{name}ServiceResponse", "content": content},
                "default": _STATUS,
            },
        }
    }


PATHS: Final[dict[str, dict[str, Any]]] = {
    "/v1/logs": _otlp(
        "Logs", "Stores OpenTelemetry's log records from severity WARN on, and those with an exception."
    ),
    "/v1/traces": _otlp("Trace", "Stores the exceptions that OpenTelemetry's spans recorded."),
    "/v1/metrics": _otlp("Metrics", "Takes OpenTelemetry's metrics, and drops them."),
}
