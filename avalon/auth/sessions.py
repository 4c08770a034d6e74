"""Sessions: who is signed in.

A login makes a row in `account.session` and a token that names it. A request is let in when the token's
signature is right, the row stands, and the user's session version is still the token's; a new password
raises that version on every replica at once. What was looked up is remembered until a fact says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

import msgspec
from psycopg.errors import ForeignKeyViolation

from avalon.auth.cache import Cache
from avalon.auth.tokens import Claims, Tokens, shared_key
from avalon.auth.users import Login, encode_facts
from avalon.database import Database
from avalon.errors import NotFound, Unauthorized
from avalon.events import Event, SessionEnded, SessionStarted, uuid7
from avalon.statements import load

sql = load("auth")

MAX_REMEMBERED: Final = 10_000
MAX_USER_AGENT: Final = 256
MAX_ADDRESS: Final = 64
MAX_LISTED: Final = 200


class Principal(msgspec.Struct, frozen=True):
    """Who makes a request."""

    user_id: UUID
    username: str
    role: str
    session: UUID
    must_change_password: bool
    expires_at: datetime

    @property
    def actor(self) -> str:
        """As the log names them."""
        return f"user:{self.user_id}"


class SignedIn(msgspec.Struct, frozen=True):
    """A new token, and whose it is."""

    token: str
    principal: Principal


class SessionItem(msgspec.Struct, frozen=True):
    """A session as its owner sees it."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    user_agent: str
    address: str


class _Started(msgspec.Struct, frozen=True):
    session_version: int
    created_at: datetime
    expires_at: datetime


class _Found(msgspec.Struct, frozen=True):
    """A row of the statement find_session."""

    session: UUID
    user_id: UUID
    username: str
    session_version: int
    role: str
    must_change_password: bool
    expires_at: datetime
    remaining_s: float


class _Known(msgspec.Struct, frozen=True):
    """A session that stood when it was looked up; `ends_at` on this process's monotonic clock."""

    principal: Principal
    session_version: int
    ends_at: float

    def covers(self, claims: Claims) -> bool:
        return (
            self.principal.user_id == claims.user
            and self.session_version == claims.session_version
            and self.ends_at > monotonic()
        )


class Sessions:
    """Starts, finds and ends sessions."""

    def __init__(self, database: Database, jwt_secret: str | None, is_fresh: Callable[[], bool]) -> None:
        self._database = database
        self._tokens = Tokens(jwt_secret.encode()) if jwt_secret else None
        self._known: Cache[UUID, _Known] = Cache(is_fresh, MAX_REMEMBERED)

    async def tokens(self) -> Tokens:
        """Signs and reads tokens under the cluster's key, which is made where there is none."""
        if self._tokens is None:
            self._tokens = Tokens(await shared_key(self._database))
        return self._tokens

    async def authenticate(self, token: str) -> Principal:
        """Whose token this is; raises Unauthorized for whatever does not count any more."""
        claims = (self._tokens or await self.tokens()).read(token)
        known = self._known.get(claims.session)
        if known is None or not known.covers(claims):
            # Asked again also where a token is newer than what is remembered: it comes from another replica.
            known = await self._ask(claims.session)
        if known is None or not known.covers(claims):
            raise Unauthorized("this session is over; sign in again")
        return known.principal

    async def _ask(self, session: UUID) -> _Known | None:
        begun = self._known.begin()
        row = await self._database.fetch_one(sql.find_session, {"session": session}, row=_Found)
        if row is None:
            return None
        known = _as_known(row)
        self._known.put(begun, session, known)
        return known

    def forget(self, event: Event) -> None:
        """Drops what a fact of the feed has made stale; the stream of these facts is the user."""
        if event.type.startswith(("user.", "session.")):
            self.forget_user(event.stream)

    def forget_user(self, user: UUID) -> None:
        self._known.drop(lambda known: known.principal.user_id == user)

    def forget_all(self) -> None:
        self._known.clear()

    async def start(self, login: Login, *, user_agent: str, address: str) -> SignedIn:
        """A session for somebody whose password was verified; raises Unauthorized if it changed meanwhile."""
        session = uuid7()
        params = {
            "account": login.id,
            "password_hash": login.password_hash,
            "session": session,
            "user_agent": _bounded(user_agent, MAX_USER_AGENT),
            "address": _bounded(address, MAX_ADDRESS),
            "facts": encode_facts([SessionStarted(session=session).new(login.id, f"user:{login.id}")]),
        }
        try:
            started = await self._database.fetch_one(sql.start_session, params, row=_Started)
        except ForeignKeyViolation:
            started = None
        if started is None:
            raise Unauthorized("this account has just changed; sign in again")
        principal = Principal(
            login.id, login.username, login.role, session, login.must_change_password, started.expires_at
        )
        claims = Claims(login.id, session, started.session_version)
        return SignedIn((await self.tokens()).sign(claims, started.created_at, started.expires_at), principal)

    async def renew(self, principal: Principal, session_version: int, now: datetime) -> SignedIn:
        """A new token for a session that goes on under a new session version."""
        claims = Claims(principal.user_id, principal.session, session_version)
        token = (await self.tokens()).sign(claims, now, principal.expires_at)
        return SignedIn(token, await self.authenticate(token))

    async def of_user(self, user: UUID) -> list[SessionItem]:
        """The user's sessions that stand, newest first."""
        params = {"account": user, "row_limit": MAX_LISTED}
        return await self._database.fetch(sql.list_sessions, params, row=SessionItem)

    async def end(self, principal: Principal, session: UUID) -> None:
        """Ends one session of the user's own; raises NotFound where there is none."""
        fact = SessionEnded(session=session).new(principal.user_id, principal.actor)
        params = {"account": principal.user_id, "session": session, "facts": encode_facts([fact])}
        ended = await self._database.fetch_value(sql.end_session, params)
        self.forget_user(principal.user_id)
        if ended is None:
            raise NotFound("there is no such session")

    async def end_others(self, principal: Principal) -> int:
        """Ends all of the user's sessions but the one that asks; how many they were."""
        params = {
            "account": principal.user_id,
            "kept_session": principal.session,
            "actor": principal.actor,
        }
        ended = await self._database.fetch_dicts(sql.end_other_sessions, params)
        self.forget_user(principal.user_id)
        return len(ended)


def _as_known(row: _Found) -> _Known:
    principal = Principal(
        row.user_id, row.username, row.role, row.session, row.must_change_password, row.expires_at
    )
    return _Known(principal, row.session_version, monotonic() + row.remaining_s)


def _bounded(text: str, limit: int) -> str:
    """What a client says about itself, as Postgres can store it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]
