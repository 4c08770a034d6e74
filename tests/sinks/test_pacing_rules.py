"""Several rules with paces of their own, thresholds, and issues of which nobody is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.events import AlertSuppressed, Fact
from avalon.rules import Rule, of_levels
from avalon.subscriptions import pacing
from avalon.subscriptions.state import Bundle, Limits, Match, Passed, Single, State

NOW = 1_800_000_000.0
LIMITS = Limits()
SLOW = Rule(id=UUID(int=101), when="reported", pace_s=3600)
FAST = Rule(id=UUID(int=102), when="reported", pace_s=60)
MANY = Rule(id=UUID(int=103), when="events", threshold=5, window_s=60, pace_s=600)
(OWN,) = of_levels(["critical"], 60)


def a_match(*rules: Rule, issue: int = 1, **fields: Any) -> Match:
    values: dict[str, Any] = {
        "position": 1,
        "recorded_at": datetime(2026, 11, 22, tzinfo=UTC),
        "report": UUID(int=5),
        "issue": UUID(int=issue),
        "service": "api",
        "level": "critical",
        "rules": rules,
    }
    return Match(**values | fields)


def passing(minute: int, *, stood_before: bool = False) -> Match:
    done = Passed(minute=minute, stood_before=stood_before, words="5 events in 1 minute")
    return a_match(MANY, what="issue.passed", passed={MANY.key: done})


def held(state: State, issue: int = 1) -> int:
    return state.issues[UUID(int=issue)].count


def test_a_rule_whose_pace_is_over_tells_what_another_would_hold_back() -> None:
    state = State()
    pacing.take(state, a_match(SLOW, FAST), NOW, LIMITS)
    pacing.take(state, a_match(SLOW, FAST), NOW + 30, LIMITS)
    assert held(state) == 1
    pacing.seal(state, NOW + 60, LIMITS)
    pacing.take(state, a_match(SLOW, FAST), NOW + 121, LIMITS)
    assert [type(item) for item in state.outbox] == [Single, Bundle, Single]


def test_a_digest_comes_when_the_shortest_pace_is_over_and_leaves_long_ones_alone() -> None:
    state = State()
    for issue, rule in ((1, SLOW), (2, FAST)):
        pacing.take(state, a_match(rule, issue=issue), NOW, LIMITS)
        pacing.take(state, a_match(rule, issue=issue), NOW + 1, LIMITS)
    state.outbox.clear()
    assert pacing.next_at(state, LIMITS) == NOW + 60
    (fact,) = pacing.seal(state, NOW + 60, LIMITS)
    assert isinstance(fact, AlertSuppressed) and (fact.issue.int, fact.rules) == (2, [FAST.id])
    state.outbox.clear()
    assert pacing.next_at(state, LIMITS) == NOW + 3600


def test_past_ten_issues_even_a_slow_rule_is_told_of_the_others_within_a_minute() -> None:
    state = State()
    for issue in range(1, 13):
        pacing.take(state, a_match(SLOW, issue=issue), NOW, LIMITS)
    assert len(state.outbox) == 10
    assert len(pacing.seal(state, NOW + 60, LIMITS)) == 2


def test_a_threshold_is_news_once_and_again_when_the_issue_had_fallen_below_it() -> None:
    state = State()
    pacing.take(state, passing(10), NOW, LIMITS)
    assert [item.words for item in state.outbox if isinstance(item, Single)] == ["5 events in 1 minute"]
    for again in (passing(10), passing(11, stood_before=True), passing(9)):
        pacing.take(state, again, NOW + 60, LIMITS)
    assert held(state) == 0
    pacing.take(state, passing(14), NOW + 240, LIMITS)
    pacing.take(state, passing(14), NOW + 241, LIMITS)
    assert held(state) == 1
    state.outbox.clear()
    pacing.seal(state, NOW + 600, LIMITS)
    state.outbox.clear()
    pacing.take(state, passing(22, stood_before=True), NOW + 1200, LIMITS)
    assert [type(item) for item in state.outbox] == [Single]


def test_without_the_edge_every_read_above_a_threshold_would_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_is_news", lambda *_: True)
    state = State()
    for _ in range(3):
        pacing.take(state, passing(10), NOW, LIMITS)
    assert held(state) == 2


def test_what_matches_of_a_muted_issue_is_one_fact_after_a_while() -> None:
    state = State()
    for _ in range(5):
        pacing.take(state, a_match(SLOW, OWN, silent="muted"), NOW, LIMITS)
    assert state.outbox == [] and pacing.next_at(state, LIMITS) == NOW + 600
    assert pacing.seal(state, NOW + 599, LIMITS) == []
    (fact,) = pacing.seal(state, NOW + 600, LIMITS)
    assert isinstance(fact, AlertSuppressed)
    assert (fact.reason, fact.count, fact.rules) == ("muted", 5, [SLOW.id])
    assert state.silent == {}
    pacing.take(state, a_match(OWN), NOW + 601, LIMITS)
    assert len(state.outbox) == 1, "a mute uses up no pace"


def test_too_many_silent_issues_are_written_down_at_once() -> None:
    state = State()
    for issue in range(1000):
        pacing.take(state, a_match(OWN, issue=issue, silent="ignored"), NOW, LIMITS)
    assert pacing.is_full(state, LIMITS)
    assert len(pacing.seal(state, NOW, LIMITS)) == 1000
    assert not pacing.is_full(state, LIMITS)


def test_half_of_too_many_long_paces_is_remembered() -> None:
    state = State()
    for issue in range(1000):
        pacing.take(state, a_match(SLOW, issue=issue), NOW, LIMITS)
    pacing.seal(state, NOW, LIMITS)
    assert len(state.issues) == 500 and not pacing.is_full(state, LIMITS)
    assert len(msgspec.json.encode(state)) < 400_000


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 12),
            st.lists(st.sampled_from([SLOW, FAST, OWN]), min_size=1, unique_by=lambda rule: rule.key),
            st.sampled_from(["", "", "", "muted"]),
            st.integers(0, 900),
        ),
        max_size=80,
    )
)
def test_every_match_ends_in_a_message_or_in_a_count_whatever_the_paces(
    steps: list[tuple[int, list[Rule], str, int]],
) -> None:
    limits = Limits(per_minute=5, issues_at_once=3, issues_tracked=10)
    state, now, matched, told, facts = State(), NOW, 0, 0, list[Fact]()
    for number, (issue, rules, silent, later) in enumerate(steps, 1):
        now += later
        if not pacing.is_full(state, limits):
            matched += 1
            pacing.take(state, a_match(*rules, issue=issue, silent=silent, position=number), now, limits)
        facts += pacing.seal(state, now, limits)
        while state.outbox and pacing.may_send_at(state, limits) <= now:
            pacing.begin(state, now)
            item = pacing.end(state, now)
            told += isinstance(item, Single)
        state = msgspec.convert(msgspec.json.decode(msgspec.json.encode(state)), State)
    waiting = sum(isinstance(item, Single) for item in state.outbox)
    facts += pacing.settle(state, "off", switched_off=False)
    suppressed = sum(fact.count for fact in facts if isinstance(fact, AlertSuppressed))
    assert matched == told + waiting + suppressed
