"""Counts of reports over time, from the projected buckets and never from raw events.

A step is a whole number of minutes. Steps of whole hours come from the hours' counts, which hold every
report; finer ones from the minutes', which leave out what came more than a day late. Where the time begins
before the oldest minutes that are kept, a finer step is made full hours. Steps count from 1970, and the time
that was asked for is widened to full ones, which the answer names.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import BadInput
from avalon.minutes import oldest_minute
from avalon.read_models.rows import Time, as_time
from avalon.statements import load

sql = load("stats")

MAX_STEPS: Final = 2_000
DEFAULT_TIME: Final = timedelta(hours=24)
NAMED_STEPS: Final = {"minute": 60, "hour": 3600, "day": 86_400}
MAX_STEP_S: Final = 366 * 86_400
HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Step(msgspec.Struct):
    """One step of the series, empty ones too."""

    at: Time
    total: int
    by_level: dict[str, int]


class Stats(msgspec.Struct):
    """The counts from `since` until just before `until`."""

    since: Time
    until: Time
    step_s: int
    total: int
    by_level: dict[str, int]
    by_service: dict[str, int]
    series: list[Step]


class Span(msgspec.Struct, frozen=True):
    """A time in full steps."""

    since: datetime
    until: datetime
    step: timedelta

    def steps(self) -> list[datetime]:
        return [self.since + self.step * index for index in range((self.until - self.since) // self.step)]


def span(since: datetime | None, until: datetime | None, step: str | None, now: datetime) -> Span:
    """The time that was asked for, widened to full steps. Raises BadInput for one that makes no sense."""
    until = until or now
    since = since or until - DEFAULT_TIME
    if since >= until:
        raise BadInput("not before until", field="since")
    width = timedelta(seconds=_seconds(step) if step else _fitting(until - since))
    if since < oldest_minute(now):
        width = -(-width // HOUR) * HOUR
    begin = _EPOCH + (since - _EPOCH) // width * width
    end = _EPOCH - (_EPOCH - until) // width * width
    if (end - begin) // width > MAX_STEPS:
        raise BadInput(f"more than {MAX_STEPS} steps; widen it, or narrow the time", field="step")
    return Span(begin, end, width)


def _seconds(step: str) -> int:
    if step in NAMED_STEPS:
        return NAMED_STEPS[step]
    if not (step.isascii() and step.isdigit() and len(step) < 10):
        raise BadInput("minute, hour, day, or a number of seconds", field="step")
    seconds = int(step)
    if seconds % 60 or not 60 <= seconds <= MAX_STEP_S:
        raise BadInput("whole minutes, at most a year", field="step")
    return seconds


def _fitting(time: timedelta) -> int:
    """The step that draws some dozens to some hundreds of columns."""
    if time <= timedelta(hours=3):
        return NAMED_STEPS["minute"]
    if time <= timedelta(days=14):
        return NAMED_STEPS["hour"]
    # Days, and so many of them that years fit too; widening the time adds two steps at most.
    return NAMED_STEPS["day"] * -(-time // timedelta(days=MAX_STEPS - 2))


async def read_stats(
    database: Database,
    time: Span,
    *,
    service: str | None,
    level: str | None,
    environment: str | None,
    issue: UUID | None = None,
) -> Stats:
    """The counts of a span, of one issue or of all; empty steps are there with zeros."""
    params: dict[str, Any] = {"service": service, "level": level, "environment": environment}
    params |= msgspec.structs.asdict(time)
    is_fine = bool(time.step % HOUR)
    query = sql.by_hour
    if issue is not None:
        params["issue"] = issue
        query = sql.of_issue_by_hour
    rows = await database.fetch_dicts(of_minutes(query) if is_fine else query, params)
    levels = [row for row in rows if row["level"] is not None]
    services = {row["service"]: row["reports"] for row in rows if row["service"] is not None}
    by_level: dict[str, int] = {}
    for row in levels:
        by_level[row["level"]] = by_level.get(row["level"], 0) + row["reports"]
    return Stats(
        since=as_time(time.since),
        until=as_time(time.until),
        step_s=int(time.step.total_seconds()),
        total=sum(by_level.values()),
        by_level=by_level,
        by_service=dict(sorted(services.items(), key=lambda item: (-item[1], item[0]))),
        series=_series(time, levels),
    )


def of_minutes(query: LiteralString) -> LiteralString:
    """A statement by the hours' counts as one by the minutes': their tables and columns are twins."""
    return query.replace("hour", "minute")


def _series(time: Span, rows: list[dict[str, Any]]) -> list[Step]:
    counts: dict[datetime, dict[str, int]] = {at: {} for at in time.steps()}
    for row in rows:
        counts[row["at"]][row["level"]] = row["reports"]
    return [Step(as_time(at), sum(levels.values()), levels) for at, levels in counts.items()]
