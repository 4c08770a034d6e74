"""What users change of their own account.

A new password needs the current one (counted like a login, so that a stolen session is no way to guess it),
ends all other sessions, and lets the one that asked go on with a new token.
"""

from __future__ import annotations

import msgspec

from avalon.auth.passwords import Passwords, check_new_password
from avalon.auth.sessions import Principal, Sessions, SignedIn
from avalon.auth.throttle import Throttle
from avalon.auth.users import Login, Users, check_username
from avalon.errors import BadInput, Conflict, Unauthorized
from avalon.events import NewEvent, UserPasswordChanged, UserRenamed


class ProfileChange(msgspec.Struct, frozen=True):
    """What somebody wants to be called, and to sign in with; None: as it is."""

    username: str | None = None
    current_password: str | None = None
    new_password: str | None = None


class Profile:
    """Changes one's own account."""

    def __init__(self, users: Users, sessions: Sessions, passwords: Passwords, throttle: Throttle) -> None:
        self._users = users
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle

    async def change(
        self, principal: Principal, change: ProfileChange, *, address: str
    ) -> tuple[Principal, SignedIn | None]:
        """Who they are now, and their new token where the password changed.

        Raises BadInput, TooManyRequests, and Conflict where the name is taken or somebody was faster.
        """
        username = principal.username if change.username is None else check_username(change.username)
        login = await self._verified(principal, change, username, address)
        events: list[NewEvent] = []
        if username != principal.username:
            events.append(UserRenamed().new(principal.user_id, principal.actor))
        if change.new_password is not None:
            fact = UserPasswordChanged(kept_session=principal.session)
            events.append(fact.new(principal.user_id, principal.actor))
        if not events:
            return principal, None
        changed = await self._users.apply(
            principal.user_id,
            events,
            username=username,
            password_hash=await self._hash(change.new_password),
            expected_hash=login.password_hash if login else None,
            kept_session=principal.session,
        )
        if changed is None:
            raise Conflict("this account was changed at the same time; try again")
        if change.new_password is None:
            return msgspec.structs.replace(principal, username=username), None
        signed_in = await self._sessions.renew(principal, changed.session_version, changed.recorded_at)
        return signed_in.principal, signed_in

    async def _hash(self, password: str | None) -> str | None:
        return None if password is None else await self._passwords.hash(password)

    async def _verified(
        self, principal: Principal, change: ProfileChange, username: str, address: str
    ) -> Login | None:
        """The account, where the current password was given or is needed, and is right."""
        if change.new_password is not None:
            if change.current_password is None:
                raise BadInput("is needed for a new password", field="current_password")
            check_new_password(change.new_password, username, field="new_password")
            if change.new_password == change.current_password:
                raise BadInput("must be another than the current one", field="new_password")
        if change.current_password is None:
            return None
        login = await self._users.find_login(principal.username)
        if login is None or login.id != principal.user_id:
            raise Unauthorized("this account has just changed; sign in again")
        await self._throttle.admit(login.username, address)
        if not await self._passwords.matches(change.current_password, login.password_hash):
            raise BadInput("is wrong", field="current_password", code="wrong_password")
        await self._throttle.succeeded(login.username, address)
        return login
