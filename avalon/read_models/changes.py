"""What changed: issues that are new, gone, louder or quieter between two instants or two releases.

Two instants: the time from one to the other is compared with as much time just before it. Two releases: the
reports of one with those of the other, each by the time that it has been reporting. Louder and quieter is
what chance does not explain: counts of independent events scatter by their square root (Poisson).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg.errors import QueryCanceled

from avalon.database import Database
from avalon.errors import BadInput, NotFound, Unavailable
from avalon.read_models.rows import Time, as_struct, as_time
from avalon.read_models.stats import of_minutes
from avalon.statements import load

sql = load("changes")

# Shorter times are read from the minutes, of which only the last day's are complete.
MINUTES_UP_TO: Final = timedelta(hours=6)
LONGEST: Final = timedelta(days=92)
# How many standard deviations a change must be worth, and how many times as many reports at least.
SURPRISE: Final = 3.0
FACTOR: Final = 1.5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ChangedIssue(msgspec.Struct):
    """An issue, and its reports on the one side (`before`) and on the other (`after`)."""

    id: UUID
    service: str
    type: str | None
    title: str | None
    culprit: str | None
    level: str
    status: str
    first_seen: Time
    last_seen: Time
    before: int = 0
    after: int = 0


class Changed(msgspec.Struct):
    """The issues of one kind, the greatest change first, and how many there are in all."""

    total: int
    items: list[ChangedIssue]


class Side(msgspec.Struct):
    """One side of the comparison: a time, or a release and the time in which it has been reporting."""

    since: Time
    until: Time
    release: str | None = None


class Changes(msgspec.Struct):
    """What is different on the side `after`."""

    before: Side
    after: Side
    new: Changed
    gone: Changed
    louder: Changed
    quieter: Changed


async def between_instants(
    database: Database,
    since: datetime,
    until: datetime,
    *,
    service: str | None,
    environment: str | None,
    limit: int,
) -> Changes:
    """From `since` to `until`, in full minutes or hours, against as much time before. Raises BadInput."""
    if since >= until:
        raise BadInput("not before `to`", field="from")
    if until - since > LONGEST:
        raise BadInput(f"more than {LONGEST.days} days before `to`", field="from")
    is_short = until - since <= MINUTES_UP_TO and datetime.now(UTC) - since < timedelta(hours=12)
    width = timedelta(minutes=1) if is_short else timedelta(hours=1)
    begin = _EPOCH + (since - _EPOCH) // width * width
    end = _EPOCH - (_EPOCH - until) // width * width
    before = begin - (end - begin)
    rows = await _fetch(
        database,
        of_minutes(sql.between_instants) if is_short else sql.between_instants,
        {"before": before, "since": begin, "until": end, "service": service, "environment": environment},
    )
    sides = Side(as_time(before), as_time(begin)), Side(as_time(begin), as_time(end))
    return _sort_out(rows, *sides, exposures=(1.0, 1.0), limit=limit)


async def between_releases(
    database: Database, earlier: str, later: str, *, service: str | None, limit: int
) -> Changes:
    """One release against a later one. Raises BadInput, and NotFound for one that never reported."""
    if earlier == later:
        raise BadInput("the same release as `from`", field="to")
    found = await database.fetch_dicts(sql.exposure, {"releases": [earlier, later], "service": service})
    times = {row["version"]: row for row in found}
    for field, release in (("from", earlier), ("to", later)):
        if release not in times:
            raise NotFound(f"no report of release {release} ({field}) has come in")
    if _is_later(times[earlier], times[later]):
        raise BadInput("a later release than `to`; turn the two around", field="from")
    rows = await _fetch(
        database, sql.between_releases, {"earlier": earlier, "later": later, "service": service}
    )
    sides = [
        Side(as_time(times[r]["first_seen"]), as_time(times[r]["last_seen"]), r) for r in (earlier, later)
    ]
    exposures = _exposure_s(times[earlier]), _exposure_s(times[later])
    return _sort_out(rows, sides[0], sides[1], exposures=exposures, limit=limit)


async def _fetch(database: Database, query: LiteralString, params: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        return await database.fetch_dicts(query, params)
    except Unavailable as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise BadInput(
                "takes too long to find; narrow the time", field="from", code="too_broad"
            ) from None
        raise


def _is_later(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """By their versions where both have one, else by when they were first seen."""
    if one["sort_key"] and other["sort_key"]:
        return bool(one["sort_key"] > other["sort_key"])
    return bool(one["first_seen"] > other["first_seen"])


def _exposure_s(row: dict[str, Any]) -> float:
    """How long a release has been reporting; an hour at least: one report tells no rate."""
    return float(max((row["last_seen"] - row["first_seen"]).total_seconds(), 3600.0))


def _sort_out(
    rows: list[dict[str, Any]], before: Side, after: Side, *, exposures: tuple[float, float], limit: int
) -> Changes:
    kinds: dict[str, list[tuple[float, dict[str, Any]]]] = {
        "new": [],
        "gone": [],
        "louder": [],
        "quieter": [],
    }
    for row in rows:
        surprise = surprise_of(row["earlier"], row["later"], exposures)
        kind = kind_of(row["earlier"], row["later"], bool(row["is_new"]), surprise, exposures)
        if kind:
            kinds[kind].append((abs(surprise), row))
    found = {kind: _changed(ranked, limit) for kind, ranked in kinds.items()}
    return Changes(before, after, **found)


def _changed(ranked: list[tuple[float, dict[str, Any]]], limit: int) -> Changed:
    ranked.sort(key=lambda one: (-one[0], one[1]["id"]))
    return Changed(
        len(ranked),
        [
            as_struct(row | {"before": row["earlier"], "after": row["later"]}, ChangedIssue)
            for _, row in ranked[:limit]
        ],
    )


def surprise_of(earlier: int, later: int, exposures: tuple[float, float]) -> float:
    """By how many standard deviations `later` is more than its share of the sum; negative: less."""
    share = exposures[1] / sum(exposures)
    total = earlier + later
    return (later - total * share) / sqrt(total * share * (1 - share))


def kind_of(
    earlier: int, later: int, is_new: bool, surprise: float, exposures: tuple[float, float]
) -> str | None:
    """new, gone, louder, quieter, or None where nothing much changed."""
    if is_new and later:
        return "new"
    if not later:
        return "gone"
    if abs(surprise) < SURPRISE:
        return None
    rates = earlier / exposures[0], later / exposures[1]
    if rates[1] >= rates[0] * FACTOR:
        return "louder"
    return "quieter" if rates[0] >= rates[1] * FACTOR else None
