"""What a service has uploaded for its scripts: found by debug id or address, and remembered.

That nothing was uploaded is remembered too, until the feed tells of an upload. Where the feed lags, that is
later: to read and group by what was there a moment ago does no harm, so that no report waits for Postgres.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from avalon.auth.cache import Cache
from avalon.database import Database
from avalon.events import Event
from avalon.source_maps.lookup import Files
from avalon.source_maps.places import Place, urls_of
from avalon.source_maps.storage import sql

MAX_KNOWN: Final = 20_000
# Postgres remembers by the hour that an upload was of use: they go by the day.
TOUCH_S: Final = 3600.0


class Scope(NamedTuple):
    """Whose scripts are meant, where there is no debug id."""

    service: str
    release: str | None
    dist: str | None


class Script(msgspec.Struct, frozen=True):
    """What was uploaded for a script; without `files` nothing was."""

    service: str
    bundle: UUID | None = None
    files: Files | None = None


class Scripts:
    """Finds them. `forget` has to be called for every fact that the feed reads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._services: Cache[str, bool] = Cache(lambda: True, MAX_KNOWN)
        self._scripts: Cache[tuple[Scope, str], Script] = Cache(lambda: True, MAX_KNOWN)
        self._touched: dict[UUID, float] = {}

    async def has_any(self, service: str) -> bool:
        """Whether the service has uploaded anything."""
        known = self._services.get(service)
        if known is None:
            begun = self._services.begin()
            known = bool(await self._database.fetch_value(sql.has_bundle, {"service": service}))
            self._services.put(begun, service, known)
        return known

    async def find(self, scope: Scope, wanted: Sequence[Place]) -> list[Script]:
        """What was uploaded for each place."""
        found: dict[str, Script] = {}
        unknown: dict[str, Place] = {}
        for place in wanted:
            known = self._scripts.get((scope, place.name))
            if known is not None:
                found[place.name] = known
            elif place.debug_id or scope.release:
                unknown[place.name] = place
        if unknown:
            begun = self._scripts.begin()
            for name, script in (await self._ask(scope, unknown)).items():
                self._scripts.put(begun, (scope, name), script)
                found[name] = script
        return [found.get(place.name) or Script(scope.service) for place in wanted]

    async def touch(self, bundles: Iterable[UUID]) -> None:
        """These are of use; Postgres is told at most once an hour."""
        now = monotonic()
        new = [bundle for bundle in bundles if self._touched.get(bundle, -TOUCH_S) <= now - TOUCH_S]
        if new:
            if len(self._touched) > MAX_KNOWN:
                self._touched.clear()
            self._touched |= dict.fromkeys(new, now)
            await self._database.execute(sql.touch, {"bundles": new})

    def forget(self, event: Event) -> None:
        """Drops what a fact has made stale."""
        if event.type.startswith("source_maps."):
            self.forget_service(event.service or "")
        elif event.type == "epoch.started":
            self.forget_all()

    def forget_service(self, service: str) -> None:
        self._services.clear()
        self._scripts.drop(lambda script: script.service == service)

    def forget_all(self) -> None:
        self._services.clear()
        self._scripts.clear()

    async def _ask(self, scope: Scope, unknown: dict[str, Place]) -> dict[str, Script]:
        rows = await self._by_debug_id(scope, [one for one in unknown.values() if one.debug_id])
        rows |= await self._by_url(scope, [one for one in unknown.values() if not one.debug_id])
        return {name: rows.get(name) or Script(scope.service) for name in unknown}

    async def _by_debug_id(self, scope: Scope, some: Sequence[Place]) -> dict[str, Script]:
        if not some:
            return {}
        params = {"service": scope.service, "debug_ids": [place.debug_id for place in some]}
        rows = await self._database.fetch_dicts(sql.by_debug_id, params)
        return {str(row["debug_id"]): _script(scope, row) for row in rows}

    async def _by_url(self, scope: Scope, some: Sequence[Place]) -> dict[str, Script]:
        urls = {place.name: urls_of(place.path) for place in some}
        every = sorted({url for named in urls.values() for url in named})
        if not every:
            return {}
        params = {**scope._asdict(), "urls": every}
        rows = {row["url"]: row for row in await self._database.fetch_dicts(sql.by_url, params)}
        best = {name: next((rows[url] for url in named if url in rows), None) for name, named in urls.items()}
        return {name: _script(scope, row) for name, row in best.items() if row}


def _script(scope: Scope, row: dict[str, Any]) -> Script:
    return Script(scope.service, row["bundle"], Files(row["script"], row["map"]))
