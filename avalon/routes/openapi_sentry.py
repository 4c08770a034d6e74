"""The operations of the ways in of Sentry's SDKs, by hand, as in `avalon.routes.openapi_asgi`."""

from __future__ import annotations

from typing import Any, Final

from avalon.routes.openapi_asgi import ENCODINGS

_SENTRY_KEY: Final[list[dict[str, list[str]]]] = [{"sentryKey": []}, {"sentryKeyInUrl": []}, {"apiKey": []}]
_OTLP_KEY: Final[list[dict[str, list[str]]]] = [{"apiKey": []}, {"apiKeyAsBearer": []}]
_TEXT: Final = {"schema": {"type": "string"}}
_OBJECT: Final = {"schema": {"type": "object"}}
_LIST: Final = {"schema": {"type": "array", "items": {"type": "object"}}}
_ANSWER: Final = {
    "type": "object",
    "properties": {"id": {"type": "string", "description": "The event's id, as 32 hexadecimal digits"}},
}

PATHS: Final[dict[str, dict[str, Any]]] = {
    "/api/1/envelope": {
        "post": {
            "tags": ["ingest"],
            "operationId": "SentryEnvelope",
            "description": "Stores the events of a Sentry SDK's envelope; its other items are counted and"
            " dropped. Any other number does as well as 1. The key may also stand in X-Sentry-Auth, in"
            " `?sentry_key=` or in the envelope's DSN.",
            "security": _SENTRY_KEY,
            "parameters": [ENCODINGS],
            "requestBody": {"required": True, "content": {"application/x-sentry-envelope": _TEXT}},
            "responses": {
                "200": {"description": "Stored", "content": {"application/json": {"schema": _ANSWER}}}
            },
        }
    },
    "/api/1/store": {
        "post": {
            "tags": ["ingest"],
            "operationId": "SentryStore",
            "description": "Stores one event of a Sentry SDK from before envelopes.",
            "security": _SENTRY_KEY,
            "parameters": [ENCODINGS],
            "requestBody": {"required": True, "content": {"application/json": _OBJECT}},
            "responses": {
                "200": {"description": "Stored", "content": {"application/json": {"schema": _ANSWER}}}
            },
        }
    },
    "/api/1/security": {
        "post": {
            "tags": ["ingest"],
            "operationId": "SentrySecurity",
            "description": "Stores what browsers report of a page's policies: CSP, Expect-CT, Expect-Staple,"
            " HPKP, and lists of the Reporting API. For `report-uri` with `?sentry_key=`.",
            "security": _SENTRY_KEY,
            "parameters": [
                {"name": "sentry_release", "in": "query", "required": False} | _TEXT,
                {"name": "sentry_environment", "in": "query", "required": False} | _TEXT,
                ENCODINGS,
            ],
            "requestBody": {
                "required": True,
                "content": {"application/csp-report": _OBJECT, "application/reports+json": _LIST},
            },
            "responses": {"200": {"description": "Stored"}},
        }
    },
    "/api/1/minidump": {
        "post": {
            "tags": ["ingest"],
            "operationId": "SentryMinidump",
            "description": "Stores that a native program crashed: what the form says of it, and name, size"
            " and SHA-256 of its minidump. The dump itself is not kept.",
            "security": _SENTRY_KEY,
            "parameters": [ENCODINGS],
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": _OBJECT, "application/octet-stream": _TEXT},
            },
            "responses": {"200": {"description": "The report's id", "content": {"text/plain": _TEXT}}},
        }
    },
}
