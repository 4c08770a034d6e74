"""The operations of the bare ASGI routes, by hand: Litestar documents only its own handlers.

What they take and answer is written as structs, from which the schemas are made; the structs serve nothing
else, because the hot path reads bodies in its own way.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec

Uuid = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
Level = Literal["debug", "info", "warning", "error", "fatal", "critical"]


class ReportedError(msgspec.Struct, omit_defaults=True):
    """What went wrong."""

    message: str
    stack: str | None = None
    path: str | None = None
    method: str | None = None
    type: str | None = None


class ReportBody(msgspec.Struct, omit_defaults=True):
    """One report. Fields that are not named here are kept in `metadata`; another level is kept as `error`."""

    error: ReportedError
    level: str | None = None
    metadata: dict[str, Any] | None = None
    id: Uuid | None = None
    timestamp: str | float | None = None
    environment: str | None = None
    release: str | None = None
    tags: dict[str, str] | None = None
    user: dict[str, Any] | None = None
    fingerprint: list[str] | None = None


class Stored(msgspec.Struct):
    """The report is committed."""

    status: Literal["ok"]
    id: UUID
    position: int
    url: str


class Rejected(msgspec.Struct):
    """A report of a batch that was not taken, and why."""

    index: int
    code: str
    message: str


class StoredBatch(msgspec.Struct):
    """What became of a batch; what was accepted is committed."""

    status: Literal["ok"]
    accepted: int
    rejected: list[Rejected]
    position: int | None


class LiveSubscribe(msgspec.Struct, omit_defaults=True, tag_field="type", tag="subscribe"):
    """With no filter: everything. `after`, in the first one: also what was missed since that position."""

    service: str | None = None
    level: Level | None = None
    issue: Uuid | None = None
    after: int | None = None


class LiveEvents(msgspec.Struct, tag_field="type", tag="events"):
    """Up to 200 items in order, each with its own `type`; `position` is how far this has come."""

    position: int
    items: list[dict[str, Any]]


STRUCTS: Final = (ReportBody, Stored, StoredBatch, LiveSubscribe, LiveEvents)
_KEY: Final[list[dict[str, list[str]]]] = [{"apiKey": []}, {"apiKeyInUrl": []}]
ENCODINGS: Final = {
    "name": "Content-Encoding",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["gzip", "deflate", "br", "zstd", "identity"]},
}
_POSITION: Final = {"type": "integer", "minimum": 0}
_TEXT: Final = {"schema": {"type": "string"}}


def as_json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


PATHS: Final[dict[str, dict[str, Any]]] = {
    "/report": {
        "post": {
            "tags": ["ingest"],
            "operationId": "Report",
            "description": "Stores one report of at most 1 MB, inflated. Answered once it is committed; a"
            " retry with the same `id` is stored once. `?key=` with text/plain is for navigator.sendBeacon.",
            "security": _KEY,
            "parameters": [ENCODINGS],
            "requestBody": {
                "required": True,
                "content": as_json(_ref("ReportBody")) | {"text/plain": {"schema": _ref("ReportBody")}},
            },
            "responses": {"201": {"description": "Stored", "content": as_json(_ref("Stored"))}},
        }
    },
    "/report/batch": {
        "post": {
            "tags": ["ingest"],
            "operationId": "ReportBatch",
            "description": "Stores up to 1,000 reports of at most 5 MB: a JSON array, or one report a line. A"
            " bad one does not hurt its neighbours.",
            "security": _KEY,
            "parameters": [ENCODINGS],
            "requestBody": {
                "required": True,
                "content": as_json({"type": "array", "maxItems": 1000, "items": _ref("ReportBody")})
                | {"application/x-ndjson": _TEXT},
            },
            "responses": {"201": {"description": "Stored", "content": as_json(_ref("StoredBatch"))}},
        }
    },
    "/ws": {
        "get": {
            "tags": ["live"],
            "operationId": "Live",
            "description": "The live stream, as a WebSocket of JSON text frames. The client sends"
            " `subscribe`, `unsubscribe` and `ping`; the server `hello`, `events`, `lagged`, `gone`, `pong`."
            " With the cookie the Origin must be the dashboard's own. Closes: 1012 at shutdown, 4401 session"
            " over, 4408 no subscribe within 10 s.",
            "security": [{"bearer": []}, {"cookie": []}],
            "x-websocket": {"client": _ref("LiveSubscribe"), "server": _ref("LiveEvents")},
            "responses": {"101": {"description": "Switching to a WebSocket"}},
        }
    },
    "/api/stream": {
        "get": {
            "tags": ["live"],
            "operationId": "Stream",
            "description": "The live stream as server-sent events; `Last-Event-ID`, or `after`, goes on"
            " behind a position.",
            "parameters": [
                {"name": "after", "in": "query", "required": False, "schema": _POSITION},
                {"name": "Last-Event-ID", "in": "header", "required": False, "schema": _POSITION},
            ],
            "responses": {"200": {"description": "Events", "content": {"text/event-stream": _TEXT}}},
        }
    },
}


def schemas() -> dict[str, Any]:
    """The schemas of the structs above, and of those that they hold."""
    _, components = msgspec.json.schema_components(STRUCTS, ref_template="#/components/schemas/{name}")
    return components
