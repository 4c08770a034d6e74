"""Nobody gets under /api without a session, whatever the path: the door stands before the router.

A request is known by a Bearer token, or by the dashboard's cookie. With the cookie a write must also come
from a page of ours (its Origin) and be JSON, so that no foreign page can make a browser send it. The gate
reads the path as the router does, and where a path could be read in two ways, it is closed.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final, NamedTuple

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from litestar.utils import normalize_path

from avalon.auth import Auth, Principal
from avalon.errors import AvalonError, Forbidden, Unauthorized, UnsupportedMedia
from avalon.routes.answers import refuse_socket, send_error
from avalon.routes.peer import check_origin, header, is_secure
from avalon.settings import Settings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN: Final = frozenset({"/api/auth/login", "/api/openapi.json", "/api/docs"})
OPEN_BELOW: Final = "/api/docs/"
# Sentry SDKs send here with an API key, which the routes check.
INGEST: Final = re.compile(r"/api/[0-9]+/(envelope|store|security|minidump)")
FEEDBACK: Final = re.compile(r"/api/0/projects/[\w-]+/[\w-]+/user-feedback", re.ASCII)
FEEDBACK_FORM: Final = "/api/embed/error-page"
# sentry-cli uploads here with an API key, which the routes check.
UPLOADS: Final = re.compile(
    r"/api/0/organizations/[^/]+/(?:chunk-upload|artifactbundle/assemble)"
    r"|/api/0/(?:organizations/[^/]+|projects/[^/]+/[^/]+)/releases(?:/[^/]+)?"
)
# Until a password that somebody else made is changed, only one's own account is there.
BEFORE_PASSWORD_CHANGE: Final = frozenset({"/api/auth/profile", "/api/auth/me", "/api/auth/logout"})

_UNDER_API: Final = re.compile(r"/api(?![\w-])", re.IGNORECASE)
_DOTS: Final = re.compile(r"(^|[/\\])\.{1,2}([/\\]|$)")


class Credentials(NamedTuple):
    """A token, and whether a browser sent it of its own accord."""

    token: str
    from_cookie: bool


def gate(app: Litestar, settings: Settings) -> ASGIApp:
    """The application behind its gate; `app.state.services` is there once the lifespan has begun."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        path = routed_path(scope)
        if match := INGEST.fullmatch(path):
            # Litestar 2.25 routes no bare handler by a parameter, and we have no projects.
            scope["path"] = f"{scope.get('root_path', '')}/api/1/{match[1]}"
        elif FEEDBACK.fullmatch(path):
            scope["path"] = f"{scope.get('root_path', '')}/api/0/projects/avalon/1/user-feedback"
        if not is_guarded(path):
            await app(scope, receive, send)
        elif scope["type"] == ScopeType.HTTP:
            await _guard(app, settings, scope, receive, send)
        else:
            await receive()
            await refuse_socket(scope, send, Unauthorized())

    return guarded


async def _guard(app: Litestar, settings: Settings, scope: HTTPScope, receive: Receive, send: Send) -> None:
    auth: Auth = app.state.services.auth
    try:
        principal = await _authenticate(scope, auth, settings)
        if principal.must_change_password and routed_path(scope) not in BEFORE_PASSWORD_CHANGE:
            raise _password_change_required()
    except AvalonError as error:
        await send_error(send, error)
        return
    scope.setdefault("state", {})["principal"] = principal
    await app(scope, receive, send)


async def _authenticate(scope: HTTPScope, auth: Auth, settings: Settings) -> Principal:
    found = credentials(scope, settings)
    if found.from_cookie and scope["method"] not in SAFE_METHODS:
        check_origin(scope, settings)
        check_json(scope)
    return await auth.authenticate(found.token)


async def authenticate_socket(auth: Auth, settings: Settings, scope: Scope) -> Principal:
    """Who opens a websocket. Browsers send the cookie from any page, so with it the Origin must be ours."""
    found = credentials(scope, settings)
    if found.from_cookie:
        check_origin(scope, settings)
    principal = await auth.authenticate(found.token)
    if principal.must_change_password:
        raise _password_change_required()
    return principal


def credentials(scope: Scope, settings: Settings) -> Credentials:
    """The request's token; raises Unauthorized where there is none. A Bearer goes before the cookie."""
    scheme, _, token = header(scope, b"authorization").partition(" ")
    if scheme.lower() == "bearer":
        return Credentials(token.strip(), from_cookie=False)
    name = cookie_name(is_secure(scope, settings))
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key == b"cookie"]
    for pair in ";".join(lines).split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name and value:
            return Credentials(value, from_cookie=True)
    raise Unauthorized


def cookie_name(secure: bool) -> str:
    """With `__Host-` no other host and no plain connection can set it (RFC 6265bis §4.1.3.2)."""
    return "__Host-avalon" if secure else "avalon"


def check_json(scope: HTTPScope) -> None:
    """Raises UnsupportedMedia for a body that a form of a foreign page could have sent."""
    has_body = header(scope, b"content-length") not in ("", "0") or header(scope, b"transfer-encoding")
    media_type = header(scope, b"content-type").partition(";")[0].strip().lower()
    if has_body and media_type != "application/json":
        raise UnsupportedMedia("send it as application/json")


def routed_path(scope: Scope) -> str:
    """The path as Litestar's router will read it (litestar/_asgi/asgi_router.py, 2.25)."""
    path: str = scope.get("path", "")  # the lifespan has none
    if root_path := scope.get("root_path", ""):
        path = path.split(root_path, maxsplit=1)[-1]
    return normalize_path(path)


def is_guarded(path: str) -> bool:
    """Whether a path as routed leads, or could be taken to lead, under /api and needs a session."""
    if _DOTS.search(path):
        resolved = posixpath.normpath(path.replace("\\", "/"))
        return bool(_UNDER_API.match(path) or _UNDER_API.match(resolved))
    if path in OPEN or path.startswith(OPEN_BELOW) or is_ingest(path) or UPLOADS.fullmatch(path):
        return False
    return bool(_UNDER_API.match(path))


def is_ingest(path: str) -> bool:
    """Whether programs, or those who use them, report here; an API key is what it asks for."""
    return path == FEEDBACK_FORM or bool(INGEST.fullmatch(path) or FEEDBACK.fullmatch(path))


def _password_change_required() -> Forbidden:
    message = "change your password first: on the page, or by PUT /api/auth/profile"
    return Forbidden(message, code="password_change_required")
