"""Reports with their frames resolved, for whoever reads them and for the grouping.

For a service that has uploaded nothing it costs the look into a dictionary. What is found, and that nothing
is, is remembered until the feed tells of an upload; while the feed is not fresh Postgres is asked each time.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from avalon.auth.cache import Cache
from avalon.database import Database
from avalon.events import Event
from avalon.reports import ExceptionInfo, Report
from avalon.source_maps import places
from avalon.source_maps.lookup import Files, Lookup, Unreadable
from avalon.source_maps.places import Place
from avalon.source_maps.storage import read_files, sql
from avalon.source_maps.wire import Origin

MAX_KNOWN: Final = 20_000
# Of origins that are kept, which most reports to come will have too.
KEPT_BYTES: Final = 16 * 1024 * 1024
# Postgres remembers by the day that an upload was of use.
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


class Resolution(NamedTuple):
    """The exceptions with what was found, and what became of each frame that was looked for."""

    exceptions: list[ExceptionInfo]
    resolved: set[tuple[int, int]]
    missing: dict[tuple[int, int], str]


class Resolver:
    """Resolves. `forget` has to be called for every fact that the feed reads."""

    def __init__(self, database: Database, is_fresh: Callable[[], bool]) -> None:
        self._database = database
        self._lookup = Lookup(lambda files: read_files(database, files))
        self._services: Cache[str, bool] = Cache(is_fresh, MAX_KNOWN)
        self._scripts: Cache[tuple[Scope, str], Script] = Cache(is_fresh, MAX_KNOWN)
        self._origins = _Origins()
        self._touched: dict[UUID, float] = {}

    async def close(self) -> None:
        await self._lookup.close()

    async def has_maps(self, service: str) -> bool:
        """Whether the service has uploaded anything."""
        known = self._services.get(service)
        if known is None:
            begun = self._services.begin()
            known = bool(await self._database.fetch_value(sql.has_bundle, {"service": service}))
            self._services.put(begun, service, known)
        return known

    async def resolve(self, service: str, release: str | None, report: Report) -> Resolution | None:
        """The report's exceptions as they were written; None where nothing is to be looked for."""
        if not report.exceptions and not report.stack:
            return None
        if not report.source_maps and not await self.has_maps(service):
            return None
        exceptions = places.exceptions_of(report)
        wanted = places.places_of(exceptions, report.source_maps)
        if not wanted:
            return None
        scope = Scope(service, release, report.tags.get("dist"))
        scripts = await self._find_scripts(scope, wanted)
        origins, missing = await self._find_origins(wanted, scripts)
        for place in wanted:
            if place.at not in origins and place.at not in missing:
                missing[place.at] = _why_missing(place, scope)
        return Resolution(_apply(exceptions, origins), set(origins), missing)

    def forget(self, event: Event) -> None:
        """Drops what a fact has made stale."""
        if event.type.startswith("source_maps."):
            self._services.drop(lambda _: True)
            self._scripts.drop(lambda script: script.service == event.service)
        elif event.type == "epoch.started":
            self.forget_all()

    def forget_all(self) -> None:
        self._services.clear()
        self._scripts.clear()

    async def _find_scripts(self, scope: Scope, wanted: Sequence[Place]) -> dict[str, Script]:
        """What was uploaded, by the names that places have for it."""
        found: dict[str, Script] = {}
        unknown: dict[str, Place] = {}
        for place in wanted:
            name = _name(place)
            known = self._scripts.get((scope, name))
            if known is not None:
                found[name] = known
            elif place.debug_id or scope.release:
                unknown[name] = place
        if unknown:
            begun = self._scripts.begin()
            for name, script in (await self._ask(scope, unknown)).items():
                self._scripts.put(begun, (scope, name), script)
                found[name] = script
        return found

    async def _ask(self, scope: Scope, unknown: dict[str, Place]) -> dict[str, Script]:
        ids = {place.debug_id: name for name, place in unknown.items() if place.debug_id}
        urls = {name: places.urls_of(place.path) for name, place in unknown.items() if not place.debug_id}
        rows: dict[str, Script] = {}
        if ids:
            params = {"service": scope.service, "debug_ids": list(ids)}
            for row in await self._database.fetch_dicts(sql.by_debug_id, params):
                rows[ids[row["debug_id"]]] = _script(scope, row)
        if urls:
            every = sorted({url for some in urls.values() for url in some})
            params = {**scope._asdict(), "urls": every}
            by_url = {row["url"]: row for row in await self._database.fetch_dicts(sql.by_url, params)}
            for name, some in urls.items():
                if best := next((by_url[url] for url in some if url in by_url), None):
                    rows[name] = _script(scope, best)
        return {name: rows.get(name) or Script(scope.service) for name in unknown}

    async def _find_origins(
        self, wanted: Sequence[Place], scripts: dict[str, Script]
    ) -> tuple[dict[tuple[int, int], Origin], dict[tuple[int, int], str]]:
        """The origins of the places that have one, and of the others with an upload why not."""
        found: dict[tuple[int, int], Origin] = {}
        missing: dict[tuple[int, int], str] = {}
        by_files: dict[Files, list[Place]] = defaultdict(list)
        for place in wanted:
            script = scripts.get(_name(place))
            if script is not None and script.files is not None:
                by_files[script.files].append(place)
        for files, some in by_files.items():
            try:
                origins = await self._origins_of(files, some)
            except Unreadable:
                missing |= {place.at: "the uploaded source map can't be read" for place in some}
                continue
            for place, origin in zip(some, origins, strict=True):
                if origin is None:
                    missing[place.at] = "the uploaded source map says nothing of this place"
                else:
                    found[place.at] = origin
        await self._touch({script.bundle for script in scripts.values() if script.bundle})
        return found, missing

    async def _origins_of(self, files: Files, some: Sequence[Place]) -> list[Origin | None]:
        keys = [(files.name, place.line, place.column) for place in some]
        new = [key for key in dict.fromkeys(keys) if key not in self._origins]
        asked = dict(zip(new, await self._lookup.find(files, [key[1:] for key in new]), strict=True)) if new else {}
        answers = [asked[key] if key in asked else self._origins.get(key) for key in keys]
        for key, origin in asked.items():
            self._origins.put(key, origin)
        return answers

    async def _touch(self, bundles: Iterable[UUID]) -> None:
        """These are of use; Postgres is told at most once an hour, and writes it once a day."""
        now = monotonic()
        new = [bundle for bundle in bundles if self._touched.get(bundle, -TOUCH_S) <= now - TOUCH_S]
        if new:
            if len(self._touched) > MAX_KNOWN:
                self._touched.clear()
            self._touched |= dict.fromkeys(new, now)
            await self._database.execute(sql.touch, {"bundles": new})


_Key = tuple[bytes, int, int]


class _Origins:
    """The origins that were found last, within a bound of bytes."""

    def __init__(self) -> None:
        self._size = 0
        self._entries: OrderedDict[_Key, Origin | None] = OrderedDict()

    def __contains__(self, key: _Key) -> bool:
        return key in self._entries

    def get(self, key: _Key) -> Origin | None:
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: _Key, origin: Origin | None) -> None:
        self._entries[key] = origin
        self._size += _size(origin)
        while self._size > KEPT_BYTES:
            self._size -= _size(self._entries.popitem(last=False)[1])


def _size(origin: Origin | None) -> int:
    return origin.size if origin else 100


def _name(place: Place) -> str:
    return str(place.debug_id) if place.debug_id else place.path


def _script(scope: Scope, row: dict[str, Any]) -> Script:
    return Script(scope.service, row["bundle"], Files(row["script"], row["map"]))


def _why_missing(place: Place, scope: Scope) -> str:
    if place.debug_id:
        return f"nothing was uploaded for the debug id {place.debug_id}"
    if scope.release is None:
        return "the report names neither a debug id of the script nor a release"
    dist = f" and distribution {scope.dist}" if scope.dist else ""
    return f"nothing was uploaded for this address, release {scope.release}{dist}"


def _apply(
    exceptions: Sequence[ExceptionInfo], origins: dict[tuple[int, int], Origin]
) -> list[ExceptionInfo]:
    applied = []
    for index, exception in enumerate(exceptions):
        frames = list(exception.frames)
        for number, frame in enumerate(frames):
            if origin := origins.get((index, number)):
                caller = origins.get((index, number - 1))
                frames[number] = places.resolved(frame, origin, caller.name if caller else "")
        applied.append(replace(exception, frames=frames))
    return applied
