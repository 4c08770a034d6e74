"""How many events or people an issue had in a rule's window: up to a part of a minute, and up to the minute
before."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID

from avalon.rules import Rule
from avalon.subscriptions.past import Minute, Single
from avalon.subscriptions.standings import Standings

Reach = Callable[[Minute], tuple[int, int]]


def event_reach(rule: Rule, minutes: Sequence[Minute], stood: Standings) -> Reach:
    """From sums of each issue's minutes up to each."""
    ends: dict[UUID, list[int]] = defaultdict(list)
    sums: dict[UUID, list[int]] = defaultdict(lambda: [0])
    rows: dict[tuple[UUID, int], list[Minute]] = defaultdict(list)
    for one in sorted(minutes, key=lambda one: one.minute):
        ends[one.issue].append(one.minute)
        sums[one.issue].append(sums[one.issue][-1] + one.reports)
        rows[one.issue, one.minute].append(one)

    def up_to(issue: UUID, minute: int) -> int:
        last = bisect_right(ends[issue], minute)
        first = bisect_right(ends[issue], minute - rule.window_minutes)
        return sums[issue][last] - sums[issue][first]

    def reach(asked: Minute) -> tuple[int, int]:
        part = stood.part(asked.issue, asked.since)
        later = sum(
            one.reports for one in rows[asked.issue, asked.minute] if stood.part(one.issue, one.since) > part
        )
        return up_to(asked.issue, asked.minute) - later, up_to(asked.issue, asked.minute - 1)

    return reach


def user_reach(rule: Rule, reports: Sequence[Single], stood: Standings) -> Reach:
    """From single reports, which come in their order."""
    met: dict[UUID, list[Single]] = defaultdict(list)
    for one in reports:
        if one.user_hash is not None:
            met[one.issue].append(one)

    def users(issue: UUID, minute: int, part: int | None = None) -> int:
        first = bisect_left(met[issue], minute - rule.window_minutes + 1, key=lambda one: one.minute)
        last = bisect_right(met[issue], minute, key=lambda one: one.minute)
        found = met[issue][first:last]
        return len({one.user_hash for one in found if part is None or stood.part(issue, one.at) <= part})

    def reach(asked: Minute) -> tuple[int, int]:
        part = stood.part(asked.issue, asked.since)
        return users(asked.issue, asked.minute, part), users(asked.issue, asked.minute - 1)

    return reach
