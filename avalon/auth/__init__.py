"""Who may do what: passwords, sessions, API keys. No HTTP in it.

    passwords   argon2id in threads         throttle     how fast passwords may be guessed
    tokens      signed session tokens       sessions     who is signed in
    users       accounts                    profile      one's own account
    key_format  what a key looks like       key_ring     which key this is, on the hot path
    api_keys    keys' commands              first_start  the first admin and key

`Auth` is all of them together, as `avalon.app` builds it. Its caches count only while `is_fresh()` says
that the feed is; `forget` has to be called for every fact that the feed reads, before `is_fresh` says so.
"""

from __future__ import annotations

from collections.abc import Callable

from avalon.auth.api_keys import ApiKeys, KeyItem
from avalon.auth.first_start import FirstStart, bootstrap
from avalon.auth.key_ring import ApiKey, KeyRing
from avalon.auth.passwords import Passwords
from avalon.auth.profile import Profile, ProfileChange
from avalon.auth.sessions import Principal, SessionItem, Sessions, SignedIn
from avalon.auth.throttle import Throttle
from avalon.auth.users import ROLES, UserItem, Users
from avalon.database import Database
from avalon.errors import TooManyRequests, Unauthorized
from avalon.events import Event
from avalon.settings import Settings
from avalon.telemetry import Action, log

__all__ = [
    "ROLES",
    "ApiKey",
    "Auth",
    "FirstStart",
    "KeyItem",
    "Principal",
    "ProfileChange",
    "SessionItem",
    "SignedIn",
    "UserItem",
]


class Auth:
    """Everything about who may do what, for one replica."""

    def __init__(self, database: Database, settings: Settings, is_fresh: Callable[[], bool]) -> None:
        self._database = database
        self._settings = settings
        self._passwords = Passwords()
        self._throttle = Throttle(database)
        self._ring = KeyRing(database, is_fresh)
        self.sessions = Sessions(database, settings.jwt_secret, is_fresh)
        self.users = Users(database, self._passwords, self.sessions.forget_user)
        self.profile = Profile(self.users, self.sessions, self._passwords, self._throttle)
        self.keys = ApiKeys(database, self._ring)
        self.find_key = self._ring.find
        self.authenticate = self.sessions.authenticate

    def forget(self, event: Event) -> None:
        """Drops what a fact has made stale; after an epoch's change nothing that was read before counts."""
        if event.type == "epoch.started":
            self.forget_all()
        self._ring.forget(event)
        self.sessions.forget(event)

    def forget_all(self) -> None:
        """For a feed that had to start again from the log's end."""
        self._ring.forget_all()
        self.sessions.forget_all()

    async def login(self, username: str, password: str, *, user_agent: str, address: str) -> SignedIn:
        """A new session; raises Unauthorized in the same time whether the user exists or not."""
        login = await self.users.find_login(username)
        name = login.username if login else username
        try:
            await self._throttle.admit(name, address)
        except TooManyRequests:
            log(Action.LOGIN_REFUSED, level="warning", reason="throttled", address=address)
            raise
        matched = await self._passwords.matches(password, login.password_hash if login else None)
        if login is None or not matched:
            log(Action.LOGIN_REFUSED, level="warning", reason="wrong", address=address)
            raise Unauthorized("wrong username or password", code="wrong_login")
        await self._throttle.succeeded(name, address)
        return await self.sessions.start(login, user_agent=user_agent, address=address)

    async def bootstrap(self) -> FirstStart | None:
        """The first account and key on an empty database, and the cluster's token key; see first_start."""
        await self.sessions.tokens()
        return await bootstrap(self._database, self._passwords, self._settings)
