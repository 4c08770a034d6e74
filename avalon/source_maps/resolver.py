"""Reports with their frames resolved, for whoever reads them and for the grouping.

Nothing is stored of it: an upload that comes late still helps, and one that is deleted is gone.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from avalon.database import Database
from avalon.errors import Unavailable
from avalon.reports import ExceptionInfo, Report
from avalon.source_maps import places
from avalon.source_maps.lookup import Files, Lookup, Unreadable
from avalon.source_maps.places import At, Place
from avalon.source_maps.scripts import Scope, Script, Scripts
from avalon.source_maps.storage import read_files
from avalon.source_maps.wire import Origin

# Of origins that are kept, which most reports to come will have too.
KEPT_BYTES: Final = 16 * 1024 * 1024


class Resolution(NamedTuple):
    """The exceptions with what was found, and what became of each frame that was looked for."""

    exceptions: list[ExceptionInfo]
    resolved: set[At]
    missing: dict[At, str]


class Resolver:
    """Resolves. Belongs to one loop; `close` ends its process."""

    def __init__(self, database: Database) -> None:
        self.scripts = Scripts(database)
        self._lookup = Lookup(lambda files: read_files(database, files))
        self._origins = _Origins()

    async def close(self) -> None:
        await self._lookup.close()

    async def may_help(self, service: str) -> bool:
        """Whether the service has uploaded anything, as far as Postgres can be asked; mostly, one look up."""
        try:
            return await self.scripts.has_any(service)
        except Unavailable:
            return False

    async def resolve(self, service: str, release: str | None, report: Report) -> Resolution | None:
        """The report's exceptions as they were written; None where nothing is to be looked for."""
        if not report.exceptions and not report.stack:
            return None
        if not report.source_maps and not await self.scripts.has_any(service):
            return None
        exceptions = places.exceptions_of(report)
        wanted = places.places_of(exceptions, report.source_maps)
        if not wanted:
            return None
        scope = Scope(service, release, report.tags.get("dist"))
        scripts = await self.scripts.find(scope, wanted)
        origins, missing = await self._find_origins(wanted, scripts)
        await self.scripts.touch({script.bundle for script in scripts if script.bundle})
        for place in wanted:
            if place.at not in origins and place.at not in missing and not place.is_foreign:
                missing[place.at] = _why_missing(place, scope)
        return Resolution(_apply(exceptions, origins), set(origins), missing)

    async def _find_origins(
        self, wanted: Sequence[Place], scripts: Sequence[Script]
    ) -> tuple[dict[At, Origin], dict[At, str]]:
        """The origins of the places that have one, and of the others with an upload why not."""
        found: dict[At, Origin] = {}
        missing: dict[At, str] = {}
        by_files: dict[Files, list[Place]] = defaultdict(list)
        for place, script in zip(wanted, scripts, strict=True):
            if script.files is not None:
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
        return found, missing

    async def _origins_of(self, files: Files, some: Sequence[Place]) -> list[Origin | None]:
        name = files.name
        keys = [(name, place.line, place.column) for place in some]
        known = {key: self._origins.get(key) for key in keys if key in self._origins}
        new = [key for key in dict.fromkeys(keys) if key not in known]
        if new:
            answers = await self._lookup.find(files, [key[1:] for key in new])
            for key, origin in zip(new, answers, strict=True):
                known[key] = origin and places.cleaned(origin)
                self._origins.put(key, known[key])
        return [known[key] for key in keys]


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
        if key in self._entries:
            return
        self._entries[key] = origin
        self._size += _size(origin)
        while self._size > KEPT_BYTES:
            self._size -= _size(self._entries.popitem(last=False)[1])


def _size(origin: Origin | None) -> int:
    return origin.size if origin else 100


def _why_missing(place: Place, scope: Scope) -> str:
    nothing = f"nothing was uploaded to the service {scope.service}"
    if place.debug_id:
        return f"{nothing} for the debug id {place.debug_id}"
    if scope.release is None:
        return "the report names neither a debug id of the script nor a release"
    dist = f" and distribution {scope.dist}" if scope.dist else ""
    return f"{nothing} for this address, release {scope.release}{dist}"


def _apply(exceptions: Sequence[ExceptionInfo], origins: dict[At, Origin]) -> list[ExceptionInfo]:
    applied = []
    for index, exception in enumerate(exceptions):
        frames = list(exception.frames)
        for number, frame in enumerate(frames):
            if origin := origins.get((index, number)):
                caller = origins.get((index, number - 1))
                frames[number] = places.resolved(frame, origin, caller.name if caller else "")
        applied.append(replace(exception, frames=frames))
    return applied
