"""User accounts. Names and password hashes stand in `account`, roles in the log and its projection.

A change of an account and its facts are one statement, so neither can be without the other. That an admin
always remains is the database's own rule (a constraint trigger); here it is only put into words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.errors import RestrictViolation, UniqueViolation

from avalon.auth.passwords import Passwords, check_new_password, random_password
from avalon.database import Database, RawJson
from avalon.errors import BadInput, Conflict, NotFound
from avalon.events import (
    Fact,
    NewEvent,
    UserChanged,
    UserCreated,
    UserDeleted,
    UserPasswordChanged,
    UserRenamed,
    uuid7,
)
from avalon.statements import load

sql = load("users")

ROLES: Final = ("viewer", "member", "admin")
MAX_USERNAME: Final = 100


class Login(msgspec.Struct, frozen=True):
    """What is known of an account under the name that somebody gave."""

    id: UUID
    username: str
    password_hash: str
    role: str
    must_change_password: bool


class UserItem(msgspec.Struct, frozen=True):
    """A user as lists show them."""

    id: UUID
    username: str
    role: str
    must_change_password: bool
    created_at: datetime
    created_by: str
    last_login_at: datetime | None


class Changed(msgspec.Struct, frozen=True):
    """An account after a change, and when that was."""

    session_version: int
    recorded_at: datetime


class Users:
    """Lists accounts and changes them."""

    def __init__(self, database: Database, passwords: Passwords, forget_user: Callable[[UUID], None]) -> None:
        self._database = database
        self._passwords = passwords
        self._forget_user = forget_user

    async def find_login(self, username: str) -> Login | None:
        """The account of this name, however its letters are cased."""
        name = _storable(username)
        return await self._database.fetch_one(sql.find_login, {"username": name}, row=Login)

    async def page(self, *, after: UUID | None = None, limit: int = 200) -> list[UserItem]:
        """Users in the order of their making."""
        params = {"account": None, "after": after, "row_limit": limit}
        return await self._database.fetch(sql.list_users, params, row=UserItem)

    async def get(self, user: UUID) -> UserItem:
        """One user; raises NotFound."""
        params = {"account": user, "after": None, "row_limit": 1}
        item = await self._database.fetch_one(sql.list_users, params, row=UserItem)
        if item is None:
            raise NotFound("there is no such user")
        return item

    async def create(
        self, actor: str, *, username: str, role: str, password: str | None = None
    ) -> tuple[UserItem, str]:
        """A new account and its password: one that was given, or a random one that must be changed at once.

        Raises BadInput, and Conflict where the name is taken.
        """
        user, username = uuid7(), check_username(username)
        check_role(role)
        if password is not None:
            check_new_password(password, username, field="password")
        chosen = password or random_password()
        fact = UserCreated(role=role, must_change_password=password is None)
        params = {
            "account": user,
            "username": username,
            "password_hash": await self._passwords.hash(chosen),
            "facts": encode_facts([fact.new(user, actor)]),
        }
        async with _conflicts():
            await self._database.fetch_value(sql.create_user, params)
        return await self.get(user), chosen

    async def change(
        self,
        actor: str,
        user: UUID,
        *,
        username: str | None = None,
        role: str | None = None,
        password: str | None = None,
        reset_password: bool = False,
    ) -> tuple[UserItem, str | None]:
        """An admin's change to somebody's account, and the one-time password where one was made.

        A new password ends all of the user's sessions and must be changed at the next login: somebody else
        knows it. Raises NotFound, BadInput, and Conflict for a name that is taken or the last admin.
        """
        item = await self.get(user)
        facts: list[Fact] = []
        if username is not None and (username := check_username(username)) != item.username:
            facts.append(UserRenamed())
        if role is not None and check_role(role) != item.role:
            facts.append(UserChanged(role=role))
        if password is not None:
            check_new_password(password, username or item.username, field="password")
        chosen = password or (random_password() if reset_password else None)
        if chosen is not None:
            facts.append(UserPasswordChanged(must_change_password=True))
        if facts:
            hashed = await self._passwords.hash(chosen) if chosen is not None else None
            events = [fact.new(user, actor) for fact in facts]
            if await self.apply(user, events, username=username, password_hash=hashed) is None:
                raise NotFound("there is no such user")
        return await self.get(user), chosen if reset_password and password is None else None

    async def delete(self, actor: str, user: UUID) -> None:
        """Erases an account; what it did stays in the log under its id. Raises NotFound, Conflict."""
        params = {"account": user, "facts": encode_facts([UserDeleted().new(user, actor)])}
        async with _conflicts():
            erased = await self._database.fetch_value(sql.delete_user, params)
        self._forget_user(user)
        if erased is None:
            raise NotFound("there is no such user")

    async def apply(
        self,
        user: UUID,
        events: Sequence[NewEvent],
        *,
        username: str | None = None,
        password_hash: str | None = None,
        expected_hash: str | None = None,
        kept_session: UUID | None = None,
    ) -> Changed | None:
        """One statement: the account as it shall be, the sessions that end, and the facts that say so."""
        params: dict[str, Any] = {
            "account": user,
            "username": username,
            "password_hash": password_hash,
            "expected_hash": expected_hash,
            "kept_session": kept_session,
            "facts": encode_facts(events),
        }
        async with _conflicts():
            changed = await self._database.fetch_one(sql.change_user, params, row=Changed)
        self._forget_user(user)
        return changed


@asynccontextmanager
async def _conflicts() -> AsyncIterator[None]:
    """What the database's constraints mean."""
    try:
        yield
    except UniqueViolation:
        raise Conflict("this username is taken", code="username_taken") from None
    except RestrictViolation:
        raise Conflict("this is the last admin; make another one first", code="last_admin") from None


def encode_facts(events: Sequence[NewEvent]) -> RawJson:
    """Facts as the statements want them beside a change of `account`."""
    return RawJson(b"[" + b",".join([event.encode() for event in events]) + b"]")


def check_username(username: str) -> str:
    """The name to store; raises BadInput. Composed alike, so that no two look the same to nobody's use."""
    username = unicodedata.normalize("NFKC", username).strip()
    if not 1 <= len(username) <= MAX_USERNAME or not username.isprintable():
        raise BadInput(f"must be 1 to {MAX_USERNAME} printable characters", field="username")
    return username


def check_role(role: str) -> str:
    if role not in ROLES:
        raise BadInput(f"must be one of {', '.join(ROLES)}", field="role")
    return role


def _storable(username: str) -> str:
    """A name that Postgres can look for, whatever was sent."""
    normal = unicodedata.normalize("NFKC", username[: 4 * MAX_USERNAME]).strip()
    return normal.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
