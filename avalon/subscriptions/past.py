"""The past as a rule would have met it: facts of the log, projected minutes, what people had decided by then.

To the minute, by the time at which reports occurred; a minute in which something was decided about an issue
falls into parts. Issues are what they are today, with the groups that were merged into them since, but for
their states. What is too long a read is `too_broad`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID

import msgspec
import psycopg

from avalon.database import Database
from avalon.errors import BadInput, Unavailable
from avalon.events import LEVELS, REPORTED, Event
from avalon.rules import Rule, Seen, unlike
from avalon.statements import load
from avalon.subscriptions.questions import Standing, minute_of, standings
from avalon.subscriptions.standings import Decided, Standings

sql = load("preview")

MAX_FACTS: Final = 20_000
MAX_MINUTES: Final = 50_000
MAX_REPORTS: Final = 20_000
_ISSUES_AT_ONCE: Final = 5_000

Row = TypeVar("Row", bound=msgspec.Struct)


class Minute(msgspec.Struct):
    """How many reports of a level an issue had in a minute, or from `at` on in a part of one."""

    issue: UUID
    minute: int
    service: str
    level: str
    reports: int
    at: datetime | None = None

    @property
    def since(self) -> datetime:
        return self.at or start_of(self.minute)


class Single(msgspec.Struct):
    """One report."""

    issue: UUID
    at: datetime
    service: str
    level: str
    environment: str
    release: str
    tags: dict[str, str]
    user_hash: int | None

    @property
    def minute(self) -> int:
        return minute_of(self.at)

    @property
    def seen(self) -> Seen:
        return Seen(
            what=REPORTED,
            service=self.service,
            level=self.level,
            environment=self.environment,
            release=self.release,
            tags=self.tags,
        )


class Past:
    """The reads, all between the same two instants. Each raises `too_broad`."""

    def __init__(self, database: Database, rule: Rule, since: datetime, until: datetime) -> None:
        self._database = database
        self._rule = rule
        self.since = since
        self.until = until

    async def facts(self, types: Collection[str]) -> list[Event]:
        return await self._read(sql.facts, {"types": list(types)}, Event, MAX_FACTS)

    async def minutes(self) -> list[Minute]:
        """The reports that the rule's own columns ask for, also those that came a window earlier."""
        since = self.since - timedelta(minutes=self._rule.window_minutes + 1)
        return await self._read(sql.minutes, self._filters(), Minute, MAX_MINUTES, since)

    async def reports(self, known: Sequence[Minute]) -> list[Single]:
        """The same one by one; not so many that reading them takes long."""
        if sum(one.reports for one in known) > MAX_REPORTS:
            raise too_broad(f"more than {MAX_REPORTS} reports")
        since = self.since - timedelta(minutes=self._rule.window_minutes + 1)
        return await self._read(sql.reports, self._filters(), Single, MAX_REPORTS, since)

    async def standings(self, issues: Collection[UUID]) -> Standings:
        """How these issues stood."""
        asked, decided, now = sorted(issues), list[Decided](), dict[UUID, Standing]()
        for begin in range(0, len(asked), _ISSUES_AT_ONCE):
            some = asked[begin : begin + _ISSUES_AT_ONCE]
            decided += await self._read(sql.decided, {"issues": some}, Decided, MAX_FACTS)
            now |= await standings(self._database, some)
        return Standings(decided, now)

    async def parted(self, minutes: Sequence[Minute], stood: Standings) -> list[Minute]:
        """The same with minutes in which something was decided in parts."""
        within = stood.within({(one.issue, start_of(one.minute)) for one in minutes})
        if not within:
            return list(minutes)
        instants = [instant for _, instant in within]
        params = {"issues": [issue for issue, _ in within], "instants": instants} | self._filters()
        parts = await self._read(sql.parts, params, Minute, MAX_MINUTES, start_of(minute_of(min(instants))))
        cut = {(issue, minute_of(instant)) for issue, instant in within}
        return [one for one in minutes if (one.issue, one.minute) not in cut] + parts

    def asked_for(self, reports: Sequence[Single]) -> list[Minute]:
        """The reports that the whole rule asks for."""
        return [
            Minute(one.issue, one.minute, one.service, one.level, 1, one.at)
            for one in reports
            if unlike(self._rule, one.seen) is None
        ]

    def _filters(self) -> dict[str, Any]:
        rule = self._rule
        return {
            "services": rule.services,
            "levels": list(rule.levels),
            "environments": rule.environments,
        }

    async def _read(
        self,
        statement: LiteralString,
        params: Mapping[str, Any],
        row: type[Row],
        most: int,
        since: datetime | None = None,
    ) -> list[Row]:
        times = {"since": since or self.since, "until": self.until}
        try:
            rows = await self._database.fetch(statement, {**params, **times, "row_limit": most + 1}, row=row)
        except Unavailable as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise too_broad("more than can be found in time") from None
            raise
        if len(rows) > most:
            raise too_broad(f"more than {most} rows")
        return rows


def too_broad(what: str) -> BadInput:
    return BadInput(f"{what} would have to be read; ask for fewer days or filter more", code="too_broad")


def by_part(minutes: Sequence[Minute], stood: Standings) -> list[Minute]:
    """One row for each issue and part of a minute, in order: all counted together, under the worst level.

    Ids, being as good as random, decide which issue comes first: always the same.
    """
    found: dict[tuple[int, int, UUID], Minute] = {}
    for one in minutes:
        key = (one.minute, stood.part(one.issue, one.since), one.issue)
        known = found.get(key)
        if known is None:
            found[key] = msgspec.structs.replace(one)
            continue
        known.reports += one.reports
        known.level = max(known.level, one.level, key=LEVELS.index)
        known.at = min(known.since, one.since)
    return sorted(found.values(), key=lambda one: (one.since, one.issue))


def start_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
