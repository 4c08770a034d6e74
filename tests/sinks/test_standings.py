"""How issues stood at instants of the past, and how loud they were by then."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from avalon.rules import Rule
from avalon.search.keys import STATES
from avalon.subscriptions.past import Minute, Single
from avalon.subscriptions.questions import Standing, search, standings
from avalon.subscriptions.reach import event_reach, user_reach
from avalon.subscriptions.standings import Decided, Standings, split_search
from tests.sinks.conftest import Stage

ISSUE = UUID(int=1)
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN, MUTED = Standing(status="unresolved", substatus="new"), Standing(status="ignored", substatus="muted")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def decided(seconds: float, was: Standing) -> Decided:
    return Decided(issue=ISSUE, at=at(seconds), status=was.status, substatus=was.substatus)


def test_an_issue_stood_as_its_next_decision_says_and_now_as_it_is() -> None:
    stood = Standings([decided(10, OPEN), decided(30, MUTED)], {ISSUE: OPEN})
    assert [stood.silence(ISSUE, at(second)) for second in (9, 10, 29, 30)] == ["", "muted", "muted", ""]
    assert stood.silence(UUID(int=2), at(0)) == ""
    assert stood.within([(ISSUE, START), (UUID(int=2), START)]) == [(ISSUE, at(10)), (ISSUE, at(30))]
    assert stood.within([(ISSUE, at(10))]) == [(ISSUE, at(30))], "a decision at its very start parts nothing"


def test_a_decision_of_a_clock_that_is_behind_comes_after_the_one_before_it() -> None:
    stood = Standings([decided(30, OPEN), decided(10, MUTED)], {})
    assert [stood.silence(ISSUE, at(second)) for second in (10, 29, 30)] == ["", "", ""]


@pytest.mark.parametrize("when", ["events", "users"])
def test_a_part_of_a_minute_counts_what_came_up_to_its_end(when: Any) -> None:
    stood = Standings([decided(30, OPEN)], {})
    rule = Rule(when=when, threshold=2, window_s=120)
    times = [-90, -10, 5, 40, 50]
    if when == "events":
        rows = [Minute(ISSUE, int(at(s).timestamp()) // 60, "api", "error", 1, at(s)) for s in times]
        reach = event_reach(rule, rows, stood)
    else:
        met = [Single(ISSUE, at(s), "api", "error", "", "", {}, number) for number, s in enumerate(times)]
        reach = user_reach(rule, met, stood)
    minute = int(START.timestamp()) // 60
    parts = [Minute(ISSUE, minute, "api", "error", 1, at(second)) for second in (5, 40)]
    assert [reach(part) for part in parts] == [(2, 2), (4, 2)]


@pytest.mark.parametrize("state", STATES)
async def test_a_state_is_found_as_the_search_finds_it(
    stage: Stage, owner: psycopg.AsyncConnection[Any], state: str
) -> None:
    kinds = [
        ("unresolved", "new", None),
        ("unresolved", "ongoing", None),
        ("unresolved", "regressed", UUID(int=9)),
        ("ignored", "ignored", None),
        ("ignored", "muted", None),
        ("resolved", "in_next_release", UUID(int=9)),
        ("unresolved", "new", None),
    ]
    issues = range(1, len(kinds) + 1)
    await stage.report(*issues)
    for issue, (status, substatus, assignee) in zip(issues, kinds, strict=True):
        age = timedelta(days=8 if issue == len(kinds) else 0)
        await owner.execute(
            "UPDATE projection.issue SET status = %s, substatus = %s, assignee = %s,"
            " first_seen = first_seen - %s WHERE id = %s",
            [status, substatus, assignee, age, UUID(int=issue)],
        )
    ids, now = [UUID(int=issue) for issue in issues], time.time()
    stood = Standings([], await standings(stage.database, ids))
    for q in (f"is:{state}", f"-is:{state}", f"is:[{state}, muted]"):
        terms, others = split_search(q)
        found = {issue for issue in ids if stood.fits(terms, issue, datetime.fromtimestamp(now, UTC))}
        assert (found, others) == (await search(stage.database, q, ids, now), ""), q
        assert 0 < len(found) < len(ids)
