"""`/api/users`: accounts, for admins alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from avalon.auth import UserItem
from avalon.routes.answers import MAX_PAGE, Done, Limit, as_fields, cut_page
from avalon.routes.dependencies import principal, requires, services

AnyRequest = Request[Any, Any, Any]


class NewUserBody(msgspec.Struct, forbid_unknown_fields=True):
    """Without a password a random one is made, which must be changed at the first login."""

    username: str
    role: str
    password: str | None = None


class UserChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """`reset_password` makes a random one; a new password ends all of the user's sessions."""

    username: str | None = None
    role: str | None = None
    password: str | None = None
    reset_password: bool = False


class User(msgspec.Struct, omit_defaults=True):
    """`password` is there when one was made, this once."""

    id: UUID
    username: str
    role: str
    must_change_password: bool
    created_at: str
    created_by: str
    last_login_at: str | None
    password: str | None = None


class UserPage(msgspec.Struct):
    items: list[User]
    next: str | None


@get("/api/users", guards=[requires("admin")], tags=["users"])
async def list_users(
    request: AnyRequest, cursor: FromQuery[UUID | None] = None, limit: Limit = MAX_PAGE
) -> UserPage:
    """Users, in the order of their making."""
    found = await services(request).auth.users.page(after=cursor, limit=limit + 1)
    page, following = cut_page(found, limit)
    return UserPage([_user(item) for item in page], following)


@post("/api/users", guards=[requires("admin")], tags=["users"])
async def create_user(request: AnyRequest, data: JSONBody[NewUserBody]) -> User:
    """Make an account."""
    users = services(request).auth.users
    item, chosen = await users.create(
        principal(request).actor, username=data.username, role=data.role, password=data.password
    )
    return _user(item, None if data.password is not None else chosen)


@get("/api/users/{user:uuid}", guards=[requires("admin")], tags=["users"])
async def get_user(request: AnyRequest, user: FromPath[UUID]) -> User:
    """One user."""
    return _user(await services(request).auth.users.get(user))


@patch("/api/users/{user:uuid}", guards=[requires("admin")], tags=["users"])
async def change_user(request: AnyRequest, user: FromPath[UUID], data: JSONBody[UserChangeBody]) -> User:
    """Rename a user, change their role, give them another password."""
    users = services(request).auth.users
    item, made = await users.change(principal(request).actor, user, **msgspec.structs.asdict(data))
    return _user(item, made)


@delete("/api/users/{user:uuid}", status_code=200, guards=[requires("admin")], tags=["users"])
async def delete_user(request: AnyRequest, user: FromPath[UUID]) -> Done:
    """Erase an account; what it did stays under its id."""
    await services(request).auth.users.delete(principal(request).actor, user)
    return Done()


def _user(item: UserItem, password: str | None = None) -> User:
    return User(**as_fields(item), password=password)


handlers = [list_users, create_user, get_user, change_user, delete_user]
