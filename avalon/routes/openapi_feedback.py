"""The operations of the ways in of user feedback, by hand, as in `avalon.routes.openapi_asgi`."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_EVENT_ID: Final = {"type": "string", "description": "The event's id, dashed or not"}
_TAKEN: Final = {
    "type": "object",
    "properties": {"id": _TEXT, "eventID": _EVENT_ID, "name": _TEXT, "email": _TEXT, "comments": _TEXT},
}
_SAID: Final = {
    "type": "object",
    "required": ["comments"],
    "properties": {"event_id": _EVENT_ID, "name": _TEXT, "email": _TEXT, "comments": _TEXT},
}
_FORM: Final = {
    "type": "object",
    "required": ["comments"],
    "properties": {"name": _TEXT, "email": _TEXT, "comments": _TEXT},
}
_BECOMES: Final = (
    " becomes a comment on the issue of that event, or a report of its own where no such event is known."
)

PATHS: Final[dict[str, dict[str, Any]]] = {
    "/api/0/projects/avalon/1/user-feedback": {
        "post": {
            "tags": ["ingest"],
            "operationId": "UserFeedback",
            "description": "Takes what a user says of an event. It"
            + _BECOMES
            + " Any other organization and project do as well. The key stands in `Authorization: DSN <dsn>`,"
            " or where envelopes have it.",
            "security": [{"sentryKey": []}, {"sentryKeyInUrl": []}, {"apiKey": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _SAID}}},
            "responses": {
                "200": {"description": "Stored", "content": {"application/json": {"schema": _TAKEN}}}
            },
        }
    },
    "/api/embed/error-page": {
        "post": {
            "tags": ["ingest"],
            "operationId": "ErrorPage",
            "description": "Takes the form of Sentry's crash report dialog. What is said in it" + _BECOMES,
            "security": [{"sentryKeyInUrl": []}],
            "parameters": [
                {"name": "dsn", "in": "query", "required": False, "schema": _TEXT},
                {"name": "eventId", "in": "query", "required": False, "schema": _EVENT_ID},
            ],
            "requestBody": {
                "required": True,
                "content": {"application/x-www-form-urlencoded": {"schema": _FORM}},
            },
            "responses": {"200": {"description": "Stored"}},
        }
    },
}
