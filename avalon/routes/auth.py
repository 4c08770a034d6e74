"""`/api/auth/*`: signing in and out, and one's own account."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody

from avalon.auth import Principal, ProfileChange, SignedIn
from avalon.read_models.rows import as_time
from avalon.routes.answers import Done, as_fields
from avalon.routes.dependencies import principal, services
from avalon.routes.gate import check_json, cookie_name
from avalon.routes.peer import check_origin, client_address, header, is_secure

COOKIE_S: Final = 24 * 3600
# Anybody may send one, and it waits in memory until it is whole.
MAX_LOGIN_BYTES: Final = 16_384

AnyRequest = Request[Any, Any, Any]


class LoginBody(msgspec.Struct, forbid_unknown_fields=True):
    username: str
    password: str


class ProfileBody(msgspec.Struct, forbid_unknown_fields=True):
    username: str | None = None
    current_password: str | None = None
    new_password: str | None = None


class Me(msgspec.Struct):
    """A user, as they see themselves."""

    id: UUID
    username: str
    role: str
    must_change_password: bool


class LoginAnswer(msgspec.Struct):
    """A token for 24 hours; browsers get it as a cookie too."""

    token: str
    expires_at: str
    user: Me
    status: str = "ok"


class MeAnswer(msgspec.Struct):
    user: Me
    session: UUID
    expires_at: str
    status: str = "ok"


class ProfileAnswer(msgspec.Struct, omit_defaults=True):
    """The token is there after a new password: the one before it is worth nothing any more."""

    status: str
    user: Me
    expires_at: str
    token: str | None = None


class Session(msgspec.Struct):
    id: UUID
    created_at: str
    expires_at: str
    user_agent: str
    address: str
    is_current: bool


class SessionPage(msgspec.Struct):
    items: list[Session]
    next: str | None = None


class EndedAnswer(msgspec.Struct):
    ended: int
    status: str = "ok"


@post("/api/auth/login", status_code=200, request_max_body_size=MAX_LOGIN_BYTES, tags=["auth"])
async def login(request: AnyRequest, data: JSONBody[LoginBody]) -> Response[LoginAnswer]:
    """Sign in."""
    found = services(request)
    check_json(request.scope)
    if header(request.scope, b"origin"):
        check_origin(request.scope, found.settings)
    signed_in = await found.auth.login(
        data.username,
        data.password,
        user_agent=header(request.scope, b"user-agent"),
        address=client_address(request.scope, found.settings),
    )
    who = signed_in.principal
    answer = LoginAnswer(token=signed_in.token, expires_at=as_time(who.expires_at), user=_me(who))
    return Response(answer, cookies=[_cookie(request, signed_in)])


@post("/api/auth/logout", status_code=200, tags=["auth"])
async def logout(request: AnyRequest) -> Response[Done]:
    """End this session."""
    who = principal(request)
    await services(request).auth.sessions.end(who, who.session)
    return Response(Done(), cookies=[_cookie(request, None)])


@get("/api/auth/me", tags=["auth"])
async def me(request: AnyRequest) -> MeAnswer:
    """Who am I?"""
    who = principal(request)
    return MeAnswer(user=_me(who), session=who.session, expires_at=as_time(who.expires_at))


@put("/api/auth/profile", tags=["auth"])
async def change_profile(request: AnyRequest, data: JSONBody[ProfileBody]) -> Response[ProfileAnswer]:
    """Change one's own name or password."""
    found = services(request)
    change = ProfileChange(data.username, data.current_password, data.new_password)
    address = client_address(request.scope, found.settings)
    who, signed_in = await found.auth.profile.change(principal(request), change, address=address)
    answer = ProfileAnswer(
        status="ok",
        user=_me(who),
        expires_at=as_time(who.expires_at),
        token=signed_in.token if signed_in else None,
    )
    return Response(answer, cookies=[_cookie(request, signed_in)] if signed_in else [])


@get("/api/auth/sessions", tags=["auth"])
async def list_sessions(request: AnyRequest) -> SessionPage:
    """One's own sessions, newest first."""
    who = principal(request)
    found = await services(request).auth.sessions.of_user(who.user_id)
    return SessionPage([Session(**as_fields(item), is_current=item.id == who.session) for item in found])


@delete("/api/auth/sessions", status_code=200, tags=["auth"])
async def end_other_sessions(request: AnyRequest) -> EndedAnswer:
    """End all of one's sessions but this one."""
    return EndedAnswer(await services(request).auth.sessions.end_others(principal(request)))


@delete("/api/auth/sessions/{session:uuid}", status_code=200, tags=["auth"])
async def end_session(request: AnyRequest, session: FromPath[UUID]) -> Done:
    """End one of one's sessions."""
    await services(request).auth.sessions.end(principal(request), session)
    return Done()


def _me(who: Principal) -> Me:
    return Me(who.user_id, who.username, who.role, who.must_change_password)


def _cookie(request: AnyRequest, signed_in: SignedIn | None) -> Cookie:
    """The dashboard's cookie, or its end. Scripts can't read it, other sites' pages don't send it."""
    secure = is_secure(request.scope, services(request).settings)
    return Cookie(
        key=cookie_name(secure),
        value=signed_in.token if signed_in else "",
        max_age=COOKIE_S if signed_in else 0,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


handlers = [login, logout, me, change_profile, list_sessions, end_other_sessions, end_session]
