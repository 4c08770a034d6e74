"""What is told at once and what is held back: every report is accounted for, and no minute is overfull."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.events import AlertFailed, AlertSuppressed, Fact
from avalon.rules import Rule, of_levels
from avalon.subscriptions import pacing
from avalon.subscriptions.state import Bundle, Limits, Match, Single, State

NOW = 1_800_000_000.0
LIMITS = Limits()


OWN = tuple(of_levels(["critical"], 60))


def a_match(position: int, issue: int = 1, rules: tuple[Rule, ...] = OWN, **fields: Any) -> Match:
    values: dict[str, Any] = {
        "position": position,
        "recorded_at": datetime(2026, 11, 22, tzinfo=UTC),
        "report": UUID(int=position),
        "issue": UUID(int=issue),
        "service": "api",
        "level": "critical",
        "rules": rules,
    }
    return Match(**values | fields)


def take(state: State, *issues: int, now: float = NOW, limits: Limits = LIMITS) -> None:
    for position, issue in enumerate(issues, 1):
        pacing.take(state, a_match(position, issue), now, limits)


def test_the_first_of_an_issue_is_told_and_the_others_are_counted() -> None:
    state = State()
    take(state, 1, 1, 2, 1)
    assert [item.counts for item in state.outbox] == [{UUID(int=1): 1}, {UUID(int=2): 1}]
    assert [window.count for window in state.issues.values()] == [2, 0]


def test_a_digest_is_due_when_a_window_ends_and_takes_all_that_is_held() -> None:
    state = State()
    take(state, 1, 1)
    take(state, 2, 2, 2, now=NOW + 30)
    state.outbox.clear()
    assert pacing.next_at(state, LIMITS) == NOW + 60
    assert pacing.seal(state, NOW + 59.9, LIMITS) == []
    facts = pacing.seal(state, NOW + 60, LIMITS)
    assert [(f.issue.int, f.count, f.reason) for f in facts if isinstance(f, AlertSuppressed)] == [
        (1, 1, "storm"),
        (2, 2, "storm"),
    ]
    assert state.outbox[0].counts == {UUID(int=1): 1, UUID(int=2): 2}
    assert {pace.ends for window in state.issues.values() for pace in window.paces.values()} == {NOW + 120}


def test_an_issue_that_was_quiet_for_its_window_is_told_at_once_again() -> None:
    state = State()
    take(state, 1)
    take(state, 1, now=NOW + 60)
    assert len(state.outbox) == 2


def test_past_ten_issues_in_a_window_the_others_are_held_back() -> None:
    state = State()
    take(state, *range(1, 31))
    assert len(state.outbox) == 10
    facts = pacing.seal(state, NOW + 60, LIMITS)
    assert [f.reason for f in facts if isinstance(f, AlertSuppressed)] == ["pace"] * 20
    assert isinstance(state.outbox[-1], Bundle) and len(state.outbox[-1].counts) == 20


def test_no_second_digest_waits_behind_the_first() -> None:
    state = State()
    take(state, 1, 1)
    pacing.seal(state, NOW + 60, LIMITS)
    take(state, 1, now=NOW + 61)
    assert pacing.seal(state, NOW + 300, LIMITS) == []
    assert [type(item) for item in state.outbox] == [Single, Bundle]


def test_too_many_issues_make_a_digest_due_at_once_and_stop_the_reading() -> None:
    state = State()
    take(state, *range(1, 1001))
    assert pacing.is_full(state, LIMITS)
    assert len(pacing.seal(state, NOW, LIMITS)) == 990
    assert not pacing.is_full(state, LIMITS)


def test_the_twenty_sixth_message_waits_for_the_first_to_be_a_minute_old() -> None:
    state = State(sent=[NOW + n for n in range(25)])
    assert pacing.may_send_at(state, LIMITS) == NOW + 60
    state.quiet_until = NOW + 90
    assert pacing.may_send_at(state, LIMITS) == NOW + 90


def test_a_state_survives_being_saved() -> None:
    state = State()
    take(state, 1, 1, 2, 3, 3)
    pacing.seal(state, NOW + 60, LIMITS)
    pacing.begin(state, NOW + 60)
    saved = msgspec.json.decode(msgspec.json.encode(state))
    assert msgspec.convert(saved, State) == state
    assert msgspec.json.encode(State()) == b"{}"


def accounted(facts: list[Fact]) -> int:
    return sum(f.count for f in facts if isinstance(f, AlertSuppressed))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("reports"), st.integers(1, 40)),
            st.tuples(st.just("later"), st.integers(1, 70)),
            st.tuples(st.just("fails"), st.integers(1, 5)),
        ),
        max_size=60,
    ),
    st.integers(2, 30),
)
def test_every_report_ends_in_a_message_or_in_a_count(steps: list[tuple[str, int]], issues: int) -> None:
    limits = Limits(per_minute=5, issues_at_once=3, issues_tracked=20)
    state, now, reported, told, facts = State(), NOW, 0, 0, list[Fact]()
    sent: list[float] = []
    for step, number in steps:
        if step == "later":
            now += number
        elif step == "reports" and not pacing.is_full(state, limits):
            for _ in range(number):
                reported += 1
                pacing.take(state, a_match(reported, issue=reported * 7 % issues), now, limits)
        facts += pacing.seal(state, now, limits)
        while state.outbox and pacing.may_send_at(state, limits) <= now:
            pacing.begin(state, now)
            sent.append(now)
            if step == "fails":
                pacing.postpone(state, now, number, "away")
                continue
            told += isinstance(pacing.end(state, now), Single)
        assert len(state.outbox) <= limits.issues_at_once + 1
    waiting = [item for item in state.outbox if isinstance(item, Single)]
    written_off = pacing.settle(state, "off", switched_off=False)
    assert reported == told + accounted(facts + written_off) + len(waiting)
    assert sum(isinstance(f, AlertFailed) and f.reports == 1 for f in written_off) >= len(waiting)
    assert state == State(told=state.told, sent=state.sent, quiet_until=state.quiet_until)
    assert all(sent[n + 5] - sent[n] >= 60 for n in range(len(sent) - 5))
