"""Which API key this is, on the hot path.

A key is found in a dictionary by its SHA-256, in microseconds, as long as the feed is fresh; otherwise
Postgres is asked. A key that is switched off is refused as soon as its fact has come through the feed.
Unknown keys are remembered too, by their own hash, so that a wrong key hurts nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final
from uuid import UUID

import msgspec

from avalon.auth.cache import Cache
from avalon.auth.key_format import fingerprint, is_well_formed
from avalon.database import Database
from avalon.errors import Forbidden, KeyRefused
from avalon.events import Event
from avalon.reports import Privacy
from avalon.statements import load

sql = load("api_keys")

MAX_KNOWN: Final = 10_000
MAX_UNKNOWN: Final = 10_000

_WRONG_SCOPE: Final = {
    "report": "this key is for reports: make one whose scope is source_maps",
    "source_maps": "this key is for source maps: make one whose scope is report",
}
_NOT_WHOLE: Final = "this API key is not known: a whole one is avl_ and 38 letters and digits"
_UNKNOWN: Final = "this API key is not known: it was deleted or rotated, or is that of another Avalon"


class ApiKey(msgspec.Struct, frozen=True):
    """A key that may be used now, as ingest needs it."""

    id: UUID
    service: str
    actor: str
    rate_per_minute: int | None
    allowed_origins: tuple[str, ...]
    scope: str = "report"
    privacy: Privacy | None = None

    def require(self, scope: str) -> None:
        """Raises Forbidden where the key is for something else."""
        if self.scope != scope:
            raise Forbidden(_WRONG_SCOPE[self.scope], code="key_scope")


class _Found(msgspec.Struct, frozen=True):
    """A row of the statement find_key."""

    id: UUID
    service: str
    rate_per_minute: int | None
    allowed_origins: list[str]
    scope: str
    scrub_fields: list[str]
    drop_ip_addresses: bool
    is_active: bool
    remaining_s: float | None


class _Known(msgspec.Struct, frozen=True):
    """A key in whatever state; `ends_at` on this process's monotonic clock, which nobody sets."""

    key: ApiKey
    is_active: bool
    ends_at: float

    def usable(self) -> ApiKey:
        if not self.is_active:
            raise KeyRefused(
                "this API key is switched off: an admin can switch it on again", code="key_inactive"
            )
        if self.ends_at <= monotonic():
            raise KeyRefused(
                "this API key has expired: an admin can set a later end, or make another", code="key_expired"
            )
        return self.key


class KeyRing:
    """Finds keys, and remembers what it found until a fact says otherwise."""

    def __init__(self, database: Database, is_fresh: Callable[[], bool]) -> None:
        self._database = database
        self._known: Cache[bytes, _Known] = Cache(is_fresh, MAX_KNOWN)
        self._unknown: Cache[bytes, bool] = Cache(is_fresh, MAX_UNKNOWN)

    async def find(self, text: str) -> ApiKey:
        """The key that this text is; raises KeyRefused with a code that says why not."""
        sha256 = fingerprint(text)
        known = self._known.get(sha256)
        if known is None:
            known = await self._ask(text, sha256)
        return known.usable()

    async def _ask(self, text: str, sha256: bytes) -> _Known:
        if not text:
            raise KeyRefused(
                "send an API key, in the header X-API-Key or as the key of a DSN", code="key_missing"
            )
        if not is_well_formed(text):
            raise KeyRefused(_NOT_WHOLE)
        if self._unknown.get(sha256):
            raise KeyRefused(_UNKNOWN)
        begun, begun_unknown = self._known.begin(), self._unknown.begin()
        row = await self._database.fetch_one(sql.find_key, {"sha256": sha256}, row=_Found)
        if row is None:
            self._unknown.put(begun_unknown, sha256, True)
            raise KeyRefused(_UNKNOWN)
        known = _as_known(row)
        self._known.put(begun, sha256, known)
        return known

    def forget(self, event: Event) -> None:
        """Drops what a fact of the feed has made stale."""
        if event.type.startswith("api_key."):
            self.forget_key(event.stream)

    def forget_all(self) -> None:
        self._known.clear()
        self._unknown.clear()

    def forget_key(self, key: UUID) -> None:
        self._known.drop(lambda known: known.key.id == key)
        self._unknown.clear()


def _as_known(row: _Found) -> _Known:
    has_rules = row.scrub_fields or row.drop_ip_addresses
    key = ApiKey(
        row.id,
        row.service,
        f"key:{row.id}",
        row.rate_per_minute,
        tuple(row.allowed_origins),
        row.scope,
        Privacy(row.scrub_fields, drop_ip_addresses=row.drop_ip_addresses) if has_rules else None,
    )
    return _Known(key, row.is_active, inf if row.remaining_s is None else monotonic() + row.remaining_s)
