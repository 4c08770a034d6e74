"""The operations of the ways in of Sentry's SDKs and forms, by hand, as in `avalon.routes.openapi_asgi`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from avalon.routes.openapi_asgi import ENCODINGS, as_json

_KEY: Final[list[dict[str, list[str]]]] = [{"sentryKey": []}, {"sentryKeyInUrl": []}, {"apiKey": []}]
_STRING: Final = {"type": "string"}
_TEXT: Final = {"schema": _STRING}
_OBJECT: Final = {"schema": {"type": "object"}}
_LIST: Final = {"schema": {"type": "array", "items": {"type": "object"}}}
_EVENT_ID: Final = {"type": "string", "description": "The event's id, dashed or not"}
_SAID: Final[dict[str, Any]] = {"name": _STRING, "email": _STRING, "comments": _STRING}
_BECOMES: Final = (
    " becomes a comment on the issue of that event, or a report of its own where no such event is known."
)


def _object(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties}
    return schema | ({"required": list(required)} if required else {})


def _in_query(name: str, schema: Any = _STRING) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _post(
    operation_id: str,
    description: str,
    body: Mapping[str, Any],
    answer: Mapping[str, Any] | None,
    parameters: Sequence[Any] = (),
) -> dict[str, Any]:
    """A way in; `body` and `answer` by content type."""
    return {
        "post": {
            "tags": ["ingest"],
            "operationId": operation_id,
            "description": description,
            "security": _KEY,
            "parameters": [*parameters, ENCODINGS],
            "requestBody": {"required": True, "content": body},
            "responses": {"200": {"description": "Stored"} | ({"content": answer} if answer else {})},
        }
    }


_ID: Final = as_json(
    _object(id={"type": "string", "description": "The event's id, as 32 hexadecimal digits"})
)

PATHS: Final[dict[str, dict[str, Any]]] = {
    "/api/1/envelope": _post(
        "SentryEnvelope",
        "Stores the events of a Sentry SDK's envelope; its other items are counted and dropped. Any other"
        " number does as well as 1. The key may also stand in X-Sentry-Auth, in `?sentry_key=` or in the"
        " envelope's DSN.",
        {"application/x-sentry-envelope": _TEXT},
        _ID,
    ),
    "/api/1/store": _post(
        "SentryStore",
        "Stores one event of a Sentry SDK from before envelopes.",
        {"application/json": _OBJECT},
        _ID,
    ),
    "/api/1/security": _post(
        "SentrySecurity",
        "Stores what browsers report of a page's policies: CSP, Expect-CT, Expect-Staple, HPKP, and lists of"
        " the Reporting API. For `report-uri` with `?sentry_key=`.",
        {"application/csp-report": _OBJECT, "application/reports+json": _LIST},
        None,
        [_in_query("sentry_release"), _in_query("sentry_environment")],
    ),
    "/api/1/minidump": _post(
        "SentryMinidump",
        "Stores that a native program crashed: what the form says of it, and name, size and SHA-256 of its"
        " minidump. The dump itself is not kept. Answers the report's id.",
        {"multipart/form-data": _OBJECT, "application/octet-stream": _TEXT},
        {"text/plain": _TEXT},
    ),
    "/api/0/projects/avalon/1/user-feedback": _post(
        "UserFeedback",
        f"Takes what a user says of an event. It{_BECOMES} Any other organization and project do as well. The"
        " key stands in `Authorization: DSN <dsn>`, or where envelopes have it.",
        as_json(_object(["comments"], event_id=_EVENT_ID, **_SAID)),
        as_json(_object(id=_STRING, eventID=_EVENT_ID, **_SAID)),
    ),
    "/api/embed/error-page": _post(
        "ErrorPage",
        f"Takes the form of Sentry's crash report dialog. What is said in it{_BECOMES}",
        {"application/x-www-form-urlencoded": {"schema": _object(["comments"], **_SAID)}},
        None,
        [_in_query("dsn"), _in_query("eventId", _EVENT_ID)],
    ),
}
