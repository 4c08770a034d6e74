"""What people had decided about issues at instants of the past.

Each decision says what was before it: so an issue stood, up to a decision, as that one says, and behind the
last one as it stands now. By the time at which decisions occurred, in their order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from avalon.search import ISSUES, Match, Term, parse, to_text
from avalon.search.conditions import NEW
from avalon.subscriptions.questions import Standing, silence

_UNKNOWN = Standing(status="unresolved", substatus="")
_MINUTE = timedelta(minutes=1)


class Decided(Standing, frozen=True, kw_only=True):
    """A decision, and how the issue stood before it."""

    issue: UUID
    at: datetime


class Standings:
    """How issues stood, and when that changed."""

    def __init__(self, decided: Iterable[Decided], now: Mapping[UUID, Standing]) -> None:
        self._ends: dict[UUID, list[datetime]] = defaultdict(list)
        self._before: dict[UUID, list[Standing]] = defaultdict(list)
        self._now = now
        for one in decided:
            ends = self._ends[one.issue]
            ends.append(max(one.at, ends[-1]) if ends else one.at)
            self._before[one.issue].append(one)

    def part(self, issue: UUID, at: datetime) -> int:
        """How many decisions there had been; between two of them an issue stood the same."""
        return bisect_right(self._ends.get(issue, ()), at)

    def at(self, issue: UUID, at: datetime) -> Standing:
        part, before = self.part(issue, at), self._before.get(issue, [])
        return before[part] if part < len(before) else self._now.get(issue, _UNKNOWN)

    def silence(self, issue: UUID, at: datetime) -> str:
        """Why nobody was told of the issue; empty where people were."""
        standing = self.at(issue, at)
        return silence(standing.status, standing.substatus)

    def within(self, minutes: Iterable[tuple[UUID, datetime]]) -> list[tuple[UUID, datetime]]:
        """The instants at which something was decided in the middle of these minutes of issues."""
        return [
            (issue, end)
            for issue, start in minutes
            for end in self._ends.get(issue, ())
            if start < end < start + _MINUTE
        ]

    def fits(self, terms: Sequence[Match], issue: UUID, at: datetime) -> bool:
        """Whether these terms, which ask for states, found the issue then."""
        standing, now = self.at(issue, at), self._now.get(issue, _UNKNOWN)
        is_recent = now.first_seen is None or now.first_seen > at - NEW
        return all(
            any(_is(standing, str(value.literal), is_recent) for value in term.values) != term.is_negated
            for term in terms
        )


def split_search(q: str) -> tuple[list[Match], str]:
    """The terms of a search that ask for states, and the others as a search; empty where there are none."""
    states: list[Match] = []
    others: list[Term] = []
    for term in parse(q, ISSUES):
        if isinstance(term, Match) and term.key == "is":
            states.append(term)
        else:
            others.append(term)
    return states, to_text(tuple(others))


def _is(standing: Standing, state: str, is_recent: bool) -> bool:
    """As `is` of the search has it."""
    match state:
        case "assigned" | "unassigned":
            return (standing.assignee is None) == (state == "unassigned")
        case "muted":
            return (standing.status, standing.substatus) == ("ignored", "muted")
        case "new":
            return standing.status == "unresolved" and standing.substatus == "new" and is_recent
        case "ongoing":
            aged = standing.substatus == "new" and not is_recent
            return standing.status == "unresolved" and (standing.substatus == "ongoing" or aged)
        case "regressed":
            return (standing.status, standing.substatus) == ("unresolved", "regressed")
    return standing.status == state
