"""Every door of the application, as its routes and its OpenAPI document name them, and who may pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
from litestar.routes import HTTPRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from avalon.app import create_app
from avalon.settings import Settings
from tests.conftest import Server

PASSWORD = "a long one for somebody"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SAFE = ("GET", "HEAD", "OPTIONS")

# The least that one has to be. Who adds a route writes it down here.
OPEN, KEY, VIEWER, MEMBER, ADMIN = "open", "key", "viewer", "member", "admin"
ACCESS = {
    "POST /api/auth/login": OPEN,
    "GET /api/docs": OPEN,
    "GET /api/openapi.json": OPEN,
    "GET /": OPEN,
    "GET /avalon.js": OPEN,
    "GET /errors": OPEN,
    "GET /errors/{id}": OPEN,
    "GET /health/live": OPEN,
    "GET /health/ready": OPEN,
    "GET /issues": OPEN,
    "GET /issues/{id}": OPEN,
    "GET /login": OPEN,
    "GET /metrics": OPEN,
    "GET /services": OPEN,
    "GET /settings": OPEN,
    "GET /settings/{page}": OPEN,
    "GET /static/{name}": OPEN,
    "POST /report": KEY,
    "POST /report/batch": KEY,
    "POST /api/1/envelope": KEY,
    "POST /api/1/store": KEY,
    "GET /api/0/organizations/{org}/chunk-upload": KEY,
    "POST /api/0/organizations/{org}/chunk-upload": KEY,
    "POST /api/0/organizations/{org}/artifactbundle/assemble": KEY,
    "POST /api/0/organizations/{org}/releases": KEY,
    "POST /api/0/projects/{org}/{project}/releases": KEY,
    "PUT /api/0/organizations/{org}/releases/{version}": KEY,
    "PUT /api/0/projects/{org}/{project}/releases/{version}": KEY,
    "POST /v1/logs": KEY,
    "POST /v1/metrics": KEY,
    "POST /v1/traces": KEY,
    "POST /api/0/projects/avalon/1/user-feedback": KEY,
    "POST /api/embed/error-page": KEY,
    "POST /api/1/security": KEY,
    "POST /api/1/minidump": KEY,
    "GET /ws": VIEWER,
    "GET /api/auth/me": VIEWER,
    "POST /api/auth/logout": VIEWER,
    "PUT /api/auth/profile": VIEWER,
    "GET /api/auth/sessions": VIEWER,
    "DELETE /api/auth/sessions": VIEWER,
    "DELETE /api/auth/sessions/{session}": VIEWER,
    "GET /api/changes": VIEWER,
    "GET /api/drops": VIEWER,
    "GET /api/errors": VIEWER,
    "GET /api/errors/{id}": VIEWER,
    "GET /api/issues": VIEWER,
    "GET /api/issues/{id}": VIEWER,
    "GET /api/issues/{id}/events": VIEWER,
    "GET /api/issues/{id}/groups": VIEWER,
    "GET /api/issues/{id}/history": VIEWER,
    "GET /api/issues/{id}/similar": VIEWER,
    "GET /api/issues/{id}/tags": VIEWER,
    "GET /api/keys": VIEWER,
    "GET /api/keys/{key}": VIEWER,
    "GET /api/receipts/{position}": VIEWER,
    "GET /api/releases": VIEWER,
    "GET /api/rules": VIEWER,
    "GET /api/rules/{rule}": VIEWER,
    "GET /api/rules/{rule}/decisions": VIEWER,
    "GET /api/services": VIEWER,
    "GET /api/settings": VIEWER,
    "GET /api/sinks": VIEWER,
    "GET /api/sinks/{sink}": VIEWER,
    "GET /api/sinks/{sink}/deliveries": VIEWER,
    "GET /api/source-maps": VIEWER,
    "GET /api/stats": VIEWER,
    "GET /api/stream": VIEWER,
    "POST /api/issues/bulk": MEMBER,
    "PATCH /api/issues/{id}": MEMBER,
    "POST /api/issues/{id}/comments": MEMBER,
    "DELETE /api/issues/{id}/comments/{comment}": MEMBER,
    "POST /api/issues/{id}/unmerge": MEMBER,
    "POST /api/undo/{id}": MEMBER,
    "POST /api/test/all": MEMBER,
    "POST /api/test/{level}": MEMBER,
    "DELETE /api/errors": ADMIN,
    "DELETE /api/source-maps/{id}": ADMIN,
    "DELETE /api/errors/{id}": ADMIN,
    "DELETE /api/issues/{id}": ADMIN,
    "POST /api/keys": ADMIN,
    "DELETE /api/keys/{key}": ADMIN,
    "PATCH /api/keys/{key}": ADMIN,
    "POST /api/keys/{key}/rotate": ADMIN,
    "GET /api/grouping/rules": VIEWER,
    "POST /api/grouping/preview": MEMBER,
    "POST /api/grouping/rules": ADMIN,
    "DELETE /api/grouping/rules/{rule}": ADMIN,
    "GET /api/log": ADMIN,
    "PUT /api/settings": ADMIN,
    "POST /api/rules": ADMIN,
    "POST /api/rules/preview": ADMIN,
    "DELETE /api/rules/{rule}": ADMIN,
    "PATCH /api/rules/{rule}": ADMIN,
    "POST /api/sinks": ADMIN,
    "DELETE /api/sinks/{sink}": ADMIN,
    "PATCH /api/sinks/{sink}": ADMIN,
    "POST /api/sinks/{sink}/test": ADMIN,
    "GET /api/users": ADMIN,
    "POST /api/users": ADMIN,
    "DELETE /api/users/{user}": ADMIN,
    "GET /api/users/{user}": ADMIN,
    "PATCH /api/users/{user}": ADMIN,
}
# What a viewer may write: their own account.
OWN = {operation for operation, who in ACCESS.items() if who == VIEWER and not operation.startswith("GET ")}
BEFORE_PASSWORD_CHANGE = {"GET /api/auth/me", "PUT /api/auth/profile", "POST /api/auth/logout"}
_SAMPLES = {"position": "1", "level": "error", "name": "index.html", "page": "api-keys"}


class Door(NamedTuple):
    """One method of one route."""

    method: str
    template: str

    def __str__(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def path(self) -> str:
        """An address that the route takes, with ids that nothing has."""
        return re.sub(r"{(\w+)}", lambda name: _SAMPLES.get(name[1], str(uuid4())), self.template)


def routed(settings: Settings) -> set[str]:
    """What the application routes: `GET /api/keys`. Litestar answers OPTIONS, and HEAD goes with GET."""
    found = set()
    for route in create_app(settings)._litestar.routes:
        template = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
        if isinstance(route, HTTPRoute):
            found |= {f"{m} {template}" for m in route.methods if m not in ("HEAD", "OPTIONS")}
        else:
            found.add(f"{'GET' if template == '/ws' else 'POST'} {template}")
    return found


def documented(document: dict[str, Any]) -> set[str]:
    """What the OpenAPI document says that there is."""
    return {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method not in ("head", "options", "parameters")
    }


def doors() -> Iterator[Door]:
    """Every known address with every method; whoever ends a session comes last."""
    templates = sorted({operation.partition(" ")[2] for operation in ACCESS})
    for template in sorted(templates, key=lambda one: one == "/api/auth/logout"):
        for method in METHODS:
            yield Door(method, template)


async def knock(client: httpx.AsyncClient, door: Door, **options: Any) -> httpx.Response:
    """The answer's head at a door; a stream is not read to its end, which it has none."""
    request = client.build_request(door.method, door.path, **options)
    answer = await client.send(request, stream=True)
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        await answer.aread()
    await answer.aclose()
    return answer


async def sign_in(server: Server, admin: httpx.AsyncClient, role: str, **fields: Any) -> str:
    """A new user's token."""
    body = {"username": f"{role}-{uuid4().hex[:8]}", "role": role, "password": PASSWORD} | fields
    made = await admin.post("/api/users", json=body)
    assert made.status_code == 201, made.text
    return await server.login(body["username"], made.json().get("password") or PASSWORD)


async def handshake(server: Server, path: str = "/ws", **headers: str) -> tuple[int, Any]:
    """The status and the headers of a websocket's handshake: 101, or a refusal before it is accepted."""
    try:
        async with connect(server.url.replace("http", "ws") + path, additional_headers=headers) as opened:
            assert opened.response is not None
            return 101, opened.response.headers
    except InvalidStatus as refused:
        return refused.response.status_code, refused.response.headers
