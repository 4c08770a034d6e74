"""`/api/keys`: API keys. Everybody sees them; admins make and change them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from avalon.auth import KeyItem
from avalon.auth.key_format import dsn_of
from avalon.events import ApiKeyChanged
from avalon.read_models.rows import as_time
from avalon.routes.answers import MAX_PAGE, Done, Limit, as_fields, cut_page
from avalon.routes.dependencies import principal, requires, services
from avalon.routes.peer import base_url_for

AnyRequest = Request[Any, Any, Any]


class NewKeyBody(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    service: str
    expires_at: datetime | None = None
    rate_per_minute: int | None = None
    allowed_origins: list[str] = []
    scope: str = "report"
    scrub_fields: list[str] = []
    drop_ip_addresses: bool = False


class KeyChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Only what is there is changed; null takes an expiry or a rate away."""

    name: str | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    rate_per_minute: int | UnsetType | None = UNSET
    allowed_origins: list[str] | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    scrub_fields: list[str] | UnsetType = UNSET
    drop_ip_addresses: bool | UnsetType = UNSET


class RotateBody(msgspec.Struct, forbid_unknown_fields=True):
    """For how long the key's old text still works."""

    overlap_seconds: int = 0


class Key(msgspec.Struct):
    id: UUID
    name: str
    service: str
    prefix: str
    is_active: bool
    last_used_at: str | None
    created_at: str
    created_by: str
    expires_at: str | None
    rate_per_minute: int | None
    allowed_origins: list[str]
    scope: str
    scrub_fields: list[str]
    drop_ip_addresses: bool
    events_24h: int


class NewKey(Key):
    """A key with its text, which is shown this once. `dsn`, for Sentry's SDKs, only where it may report."""

    key: str
    dsn: str | None


class RotatedKey(NewKey):
    """With the time until when the old text works."""

    previous_expires_at: str


class KeyPage(msgspec.Struct):
    items: list[Key]
    next: str | None


@get("/api/keys", tags=["keys"])
async def list_keys(
    request: AnyRequest, cursor: FromQuery[UUID | None] = None, limit: Limit = MAX_PAGE
) -> KeyPage:
    """API keys, newest first."""
    found = await services(request).auth.keys.page(before=cursor, limit=limit + 1)
    page, following = cut_page(found, limit)
    return KeyPage([_key(item) for item in page], following)


@post("/api/keys", guards=[requires("admin")], tags=["keys"])
async def create_key(request: AnyRequest, data: JSONBody[NewKeyBody]) -> NewKey:
    """Make a key; the answer holds its text, this once."""
    keys = services(request).auth.keys
    item, text = await keys.create(principal(request).actor, **msgspec.structs.asdict(data))
    return NewKey(**as_fields(item), key=text, dsn=_dsn(request, item, text))


@get("/api/keys/{key:uuid}", tags=["keys"])
async def get_key(request: AnyRequest, key: FromPath[UUID]) -> Key:
    """One key."""
    return _key(await services(request).auth.keys.get(key))


@patch("/api/keys/{key:uuid}", guards=[requires("admin")], tags=["keys"])
async def change_key(request: AnyRequest, key: FromPath[UUID], data: JSONBody[KeyChangeBody]) -> Key:
    """Rename a key, switch it off or on, change its limits."""
    wanted = ApiKeyChanged(**msgspec.structs.asdict(data))
    return _key(await services(request).auth.keys.change(principal(request).actor, key, wanted))


@post("/api/keys/{key:uuid}/rotate", status_code=200, guards=[requires("admin")], tags=["keys"])
async def rotate_key(
    request: AnyRequest, key: FromPath[UUID], data: JSONBody[RotateBody | None] = None
) -> RotatedKey:
    """Give a key a new text; the old one may go on for a while."""
    keys = services(request).auth.keys
    overlap_s = data.overlap_seconds if data else 0
    item, text, ends_at = await keys.rotate(principal(request).actor, key, overlap_s=overlap_s)
    dsn = _dsn(request, item, text)
    return RotatedKey(**as_fields(item), key=text, dsn=dsn, previous_expires_at=as_time(ends_at))


@delete("/api/keys/{key:uuid}", status_code=200, guards=[requires("admin")], tags=["keys"])
async def delete_key(request: AnyRequest, key: FromPath[UUID]) -> Done:
    """Delete a key; what it has reported stays."""
    await services(request).auth.keys.delete(principal(request).actor, key)
    return Done()


def _key(item: KeyItem) -> Key:
    return Key(**as_fields(item))


def _dsn(request: AnyRequest, item: KeyItem, text: str) -> str | None:
    if item.scope != "report":
        return None
    return dsn_of(text, base_url_for(request.scope, services(request).settings))


handlers = [list_keys, create_key, get_key, change_key, rotate_key, delete_key]
