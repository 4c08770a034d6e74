"""The commands that make and change API keys, and how lists show them.

Every change is a fact; the projection follows in the same transaction. Only the SHA-256 of a key's text is
kept: the text itself is in the answer of the command that made it, and nowhere else.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from avalon import event_store
from avalon.auth.key_fields import (
    check_expiry,
    check_name,
    check_origins,
    check_rate,
    check_scope,
    check_scrub_fields,
    check_service,
)
from avalon.auth.key_format import fingerprint, new_key, shown
from avalon.auth.key_ring import KeyRing, sql
from avalon.database import Database
from avalon.errors import BadInput, NotFound
from avalon.events import ApiKeyChanged, ApiKeyCreated, ApiKeyDeleted, ApiKeyRotated, uuid7

MAX_OVERLAP_S: Final = 30 * 24 * 3600


class KeyItem(msgspec.Struct, frozen=True):
    """A key as lists show it."""

    id: UUID
    name: str
    service: str
    prefix: str
    is_active: bool
    last_used_at: datetime | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    rate_per_minute: int | None
    allowed_origins: list[str]
    scope: str
    scrub_fields: list[str]
    drop_ip_addresses: bool
    events_24h: int


class ApiKeys:
    """Lists keys and changes them."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    async def page(self, *, before: UUID | None = None, limit: int = 200) -> list[KeyItem]:
        """Keys, newest first."""
        params = {"key": None, "before": before, "row_limit": limit}
        return await self._database.fetch(sql.list_keys, params, row=KeyItem)

    async def get(self, key: UUID) -> KeyItem:
        """One key; raises NotFound."""
        params = {"key": key, "before": None, "row_limit": 1}
        item = await self._database.fetch_one(sql.list_keys, params, row=KeyItem)
        if item is None:
            raise NotFound("there is no such API key")
        return item

    async def create(
        self,
        actor: str,
        *,
        name: str,
        service: str,
        expires_at: datetime | None = None,
        rate_per_minute: int | None = None,
        allowed_origins: list[str] | None = None,
        scope: str = "report",
        scrub_fields: list[str] | None = None,
        drop_ip_addresses: bool = False,
    ) -> tuple[KeyItem, str]:
        """A new key and its text, which nothing can show again. Raises BadInput."""
        text = new_key()
        fact = ApiKeyCreated(
            name=check_name(name),
            sha256=fingerprint(text).hex(),
            prefix=shown(text),
            expires_at=check_expiry(expires_at, await self._now()),
            rate_per_minute=check_rate(rate_per_minute),
            allowed_origins=check_origins(allowed_origins or []),
            scope=check_scope(scope),
            scrub_fields=check_scrub_fields(scrub_fields or []),
            drop_ip_addresses=drop_ip_addresses,
        )
        key = uuid7()
        created = fact.new(key, actor, service=check_service(service))
        await event_store.append(self._database, [created])
        self._ring.forget_key(key)
        return await self.get(key), text

    async def change(self, actor: str, key: UUID, wanted: ApiKeyChanged) -> KeyItem:
        """Changes what `wanted` gives and is not so already. Raises NotFound, BadInput."""
        item = await self.get(key)
        checked = msgspec.structs.asdict(_checked(wanted, await self._now()))
        changes = {f: v for f, v in checked.items() if v is not UNSET and v != getattr(item, f)}
        if not changes:
            return item
        fact = msgspec.convert(changes, ApiKeyChanged)
        await event_store.append(self._database, [fact.new(key, actor, service=item.service)])
        self._ring.forget_key(key)
        return await self.get(key)

    async def rotate(self, actor: str, key: UUID, *, overlap_s: int = 0) -> tuple[KeyItem, str, datetime]:
        """A new text for the key, and until when the old one works. Raises NotFound, BadInput."""
        if not 0 <= overlap_s <= MAX_OVERLAP_S:
            raise BadInput(f"must be from 0 to {MAX_OVERLAP_S} (30 days)", field="overlap_seconds")
        item = await self.get(key)
        text = new_key()
        ends_at = await self._now() + timedelta(seconds=overlap_s)
        fact = ApiKeyRotated(sha256=fingerprint(text).hex(), prefix=shown(text), previous_expires_at=ends_at)
        await event_store.append(self._database, [fact.new(key, actor, service=item.service)])
        self._ring.forget_key(key)
        return await self.get(key), text, ends_at

    async def delete(self, actor: str, key: UUID) -> None:
        """The key ends; what it has reported stays. Raises NotFound."""
        item = await self.get(key)
        await event_store.append(self._database, [ApiKeyDeleted().new(key, actor, service=item.service)])
        self._ring.forget_key(key)

    async def _now(self) -> datetime:
        now: datetime = await self._database.fetch_value(sql.now)
        return now


def _checked(wanted: ApiKeyChanged, now: datetime) -> ApiKeyChanged:
    """The same as it can be stored; raises BadInput."""
    return ApiKeyChanged(
        name=UNSET if wanted.name is UNSET else check_name(wanted.name),
        is_active=wanted.is_active,
        expires_at=UNSET if wanted.expires_at is UNSET else check_expiry(wanted.expires_at, now),
        rate_per_minute=UNSET if wanted.rate_per_minute is UNSET else check_rate(wanted.rate_per_minute),
        allowed_origins=UNSET if wanted.allowed_origins is UNSET else check_origins(wanted.allowed_origins),
        scope=UNSET if wanted.scope is UNSET else check_scope(wanted.scope),
        scrub_fields=UNSET if wanted.scrub_fields is UNSET else check_scrub_fields(wanted.scrub_fields),
        drop_ip_addresses=wanted.drop_ip_addresses,
    )
