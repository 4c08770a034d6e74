"""The OpenAPI document: what Litestar says of its handlers, and what it can't know.

Added are the bare ASGI routes, who may call what, and the one shape of errors. `openapi_config` is for
Litestar; the document is made at the first request for it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Litestar, Router
from litestar.openapi.config import OpenAPIConfig

from avalon import __version__
from avalon.routes import openapi_asgi, openapi_otlp, openapi_sentry
from avalon.routes.gate import is_guarded

DESCRIPTION: Final = (
    "Programs report errors with an API key; people read them with a session, as a Bearer token or as the"
    " dashboard's cookie. Times are RFC 3339 in UTC with milliseconds, lists are"
    ' `{"items": […], "next": "<cursor or null>"}`, and every error is `{"status", "code", "message"}`.'
)
SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "avalon",
        "description": "Under https `__Host-avalon`. Writes also need our own Origin and application/json.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "apiKeyInUrl": {"type": "apiKey", "in": "query", "name": "key"},
    "apiKeyAsBearer": {"type": "http", "scheme": "bearer", "bearerFormat": "avl_…"},
    "sentryKey": {"type": "apiKey", "in": "header", "name": "X-Sentry-Auth"},
    "sentryKeyInUrl": {"type": "apiKey", "in": "query", "name": "sentry_key"},
}
PROBLEM: Final = {
    "type": "object",
    "required": ["status", "code", "message"],
    "properties": {
        "status": {"const": "error"},
        "code": {"type": "string", "description": "A word for programs, such as key_inactive"},
        "message": {"type": "string", "description": "A sentence for people; it names the field"},
    },
}
_PROBLEM_ANSWER: Final = {
    "description": "An error; 429 and 503 say in Retry-After when to try again",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_SESSION: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"cookie": []}]
TAGS: Final = {"test": "samples"}


class _NoRoutes(Router):
    """Takes Litestar's own pages of the document, which load scripts from elsewhere, and serves none."""

    def register(self, value: Any) -> list[Any]:
        return []


openapi_config: Final = OpenAPIConfig(
    title="Avalon",
    version=__version__,
    description=DESCRIPTION,
    use_handler_docstrings=True,
    openapi_router=_NoRoutes("/api/docs", route_handlers=[]),
)


def build_document(app: Litestar) -> dict[str, Any]:
    """The whole document of an application."""
    document = msgspec.to_builtins(app.openapi_schema.to_schema(), str_keys=True, enc_hook=str)
    known = set(app.route_handler_method_map)
    by_hand = openapi_asgi.PATHS | openapi_otlp.PATHS | openapi_sentry.PATHS
    document["paths"] |= {path: item for path, item in by_hand.items() if path in known}
    components = document.setdefault("components", {})
    components["schemas"] = components.get("schemas", {}) | openapi_asgi.schemas() | {"Problem": PROBLEM}
    components["securitySchemes"] = SECURITY_SCHEMES
    document["paths"] = {
        path: {method: _finish(path, operation) for method, operation in item.items()}
        for path, item in sorted(document["paths"].items())
    }
    return dict(document)


def _finish(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """An operation with its tag, its summary, who may call it and what errors look like."""
    said = operation.get("description", "").partition(". ")[0].rstrip(".")
    responses = {status: one for status, one in operation["responses"].items() if status != "400"}
    return {
        "security": _SESSION if is_guarded(path) else [],
        "tags": [_tag(path)],
        **operation,
        "summary": said or operation.get("summary", ""),
        "responses": {"default": _PROBLEM_ANSWER} | responses,
    }


def _tag(path: str) -> str:
    """What a path is about."""
    if path.startswith("/api/"):
        noun = path.split("/")[2]
        return TAGS.get(noun, noun)
    return "operations" if path.startswith(("/health/", "/metrics")) else "pages"
