"""The past as a rule would have met it: facts of the log, projected minutes, what people had decided by then.

To the minute, by the time at which reports occurred. Issues are what they are today: with the groups that
were merged into them since, and a search finds them as they are. What is too long a read is `too_broad`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
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
from avalon.subscriptions.questions import silence, silences

sql = load("preview")

MAX_FACTS: Final = 20_000
MAX_MINUTES: Final = 50_000
MAX_REPORTS: Final = 20_000

_AFTER: Final = {
    "issue.resolved": "resolved",
    "issue.ignored": "ignored",
    "issue.muted": "muted",
    "issue.reopened": "",
    "issue.regressed": "",
    "issue.unmuted": "",
}
_DECISIONS: Final = (*_AFTER, "issue.undone")
# How many events or people in the window up to a minute.
Reach = Callable[[UUID, int], int]
Row = TypeVar("Row", bound=msgspec.Struct)


class Minute(msgspec.Struct):
    """How many reports of a level a group of an issue had in a minute."""

    issue: UUID
    minute: int
    service: str
    level: str
    reports: int


class Single(msgspec.Struct):
    """One report."""

    issue: UUID
    minute: int
    service: str
    level: str
    environment: str
    release: str
    tags: dict[str, str]
    user_hash: int | None

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


class _Decision(msgspec.Struct):
    issue: UUID
    type: str
    at: float
    status_before: str | None
    substatus_before: str
    status_after: str | None
    substatus_after: str


class Past:
    """The reads, all between the same two instants."""

    def __init__(self, database: Database, rule: Rule, since: datetime, until: datetime) -> None:
        self._database = database
        self._rule = rule
        self._since = since
        self._until = until

    async def facts(self, types: Collection[str]) -> list[Event]:
        return await self._read(sql.facts, {"types": list(types)}, Event, MAX_FACTS)

    async def minutes(self) -> list[Minute]:
        """The minutes in which something came that the rule wants; with levels and counts."""
        if self._needs_reports():
            wanted = [one for one in await self.reports() if unlike(self._rule, one.seen) is None]
            return [Minute(one.issue, one.minute, one.service, one.level, 1) for one in wanted]
        return await self._minutes(self._since)

    async def reach(self) -> Reach:
        """How many events, or users, issues had in the rule's window up to a minute."""
        since = self._since - timedelta(minutes=self._rule.window_minutes + 1)
        if self._rule.when == "users":
            return _users(await self.reports(since), self._rule.window_minutes)
        return _events(await self._minutes(since), self._rule.window_minutes)

    async def reports(self, since: datetime | None = None) -> list[Single]:
        """Single reports; not so many that reading them takes long."""
        known = await self._minutes(since or self._since)
        if sum(one.reports for one in known) > MAX_REPORTS:
            raise too_broad(f"more than {MAX_REPORTS} reports")
        return await self._read(sql.reports, self._filters(), Single, MAX_REPORTS, since)

    async def silences(self, issues: Collection[UUID]) -> Callable[[UUID, float], str]:
        """Why nobody was told of an issue up to an instant; empty where people were."""
        decisions = await self._read(sql.decided, {"types": list(_DECISIONS)}, _Decision, MAX_FACTS)
        now = await silences(self._database, issues)
        of_issue: dict[UUID, list[_Decision]] = defaultdict(list)
        for decision in decisions:
            of_issue[decision.issue].append(decision)
        return lambda issue, at: _silence_at(of_issue.get(issue, []), now.get(issue, ""), at)

    def _needs_reports(self) -> bool:
        return self._rule.release is not None or bool(self._rule.tags)

    async def _minutes(self, since: datetime) -> list[Minute]:
        return await self._read(sql.minutes, self._filters(), Minute, MAX_MINUTES, since)

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
        times = {"since": since or self._since, "until": self._until}
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


def _silence_at(decisions: Sequence[_Decision], now: str, at: float) -> str:
    """From the last decision up to then; before the first, what that one says was before."""
    index = bisect_right(decisions, at, key=lambda one: one.at)
    if index:
        last = decisions[index - 1]
        return _AFTER.get(last.type, silence(last.status_after or "unresolved", last.substatus_after))
    if decisions:
        return silence(decisions[0].status_before or "unresolved", decisions[0].substatus_before)
    return now


def _events(minutes: Sequence[Minute], length: int) -> Reach:
    """From sums of each issue's minutes up to each."""
    ends: dict[UUID, list[int]] = defaultdict(list)
    sums: dict[UUID, list[int]] = defaultdict(lambda: [0])
    for one in minutes:
        ends[one.issue].append(one.minute)
        sums[one.issue].append(sums[one.issue][-1] + one.reports)

    def reach(issue: UUID, minute: int) -> int:
        last = bisect_right(ends[issue], minute)
        first = bisect_right(ends[issue], minute - length)
        return sums[issue][last] - sums[issue][first]

    return reach


def _users(reports: Sequence[Single], length: int) -> Reach:
    met: dict[UUID, list[tuple[int, int]]] = defaultdict(list)
    for one in reports:
        if one.user_hash is not None:
            met[one.issue].append((one.minute, one.user_hash))

    def reach(issue: UUID, minute: int) -> int:
        first = bisect_left(met[issue], minute - length + 1, key=lambda pair: pair[0])
        last = bisect_right(met[issue], minute, key=lambda pair: pair[0])
        return len(Counter(user for _, user in met[issue][first:last]))

    return reach


def by_issue_and_minute(minutes: Sequence[Minute]) -> list[Minute]:
    """One row for each issue and minute, in order: all counted together, under the worst level.

    Ids, being as good as random, decide which issue comes first in a minute: always the same.
    """
    found: dict[tuple[int, UUID], Minute] = {}
    for one in sorted(minutes, key=lambda one: (one.minute, one.issue)):
        known = found.setdefault(
            (one.minute, one.issue), Minute(one.issue, one.minute, one.service, one.level, 0)
        )
        known.reports += one.reports
        known.level = max(known.level, one.level, key=LEVELS.index)
    return list(found.values())


def start_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
