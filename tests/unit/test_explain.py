"""Facts about issues in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from avalon import events
from avalon.events import Event, Fact
from avalon.issues.explain import _WORDS, explain

ANNA, ISSUE, OTHER = UUID(int=5), UUID(int=1), UUID(int=2)
AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
WAS = {"resolved_at": "2026-11-02T11:57:00+00:00", "resolved_in": "1.4.2", "substatus": "in_release"}


def said(type_: str, data: dict[str, Any], *, actor: str = f"user:{ANNA}", release: str | None = None) -> str:
    columns = dict.fromkeys(("service", "level", "environment"))
    event = Event(
        position=1,
        id=ISSUE,
        type=type_,
        stream=ISSUE,
        release=release,
        occurred_at=AT,
        recorded_at=AT,
        actor=actor,
        data=data,
        **columns,
    )
    return explain(event, {f"user:{ANNA}": "anna"})


@pytest.mark.parametrize(
    ("type_", "data", "words"),
    [
        ("issue.resolved", {"in_release": "1.4.2"}, "resolved in release 1.4.2 by anna"),
        ("issue.resolved", {}, "resolved by anna"),
        (
            "issue.resolved",
            {"in_next_release": True, "current_release": "1.0"},
            "resolved in the release after 1.0 by anna",
        ),
        ("issue.resolved", {"in_next_release": True}, "resolved in the next release by anna"),
        (
            "issue.muted",
            {"until": "2026-12-01T08:30:00Z", "events": 100, "users": 1},
            "muted until 2026-12-01 08:30 UTC, or for 100 events more, or for 1 user more by anna",
        ),
        ("issue.assigned", {"assignee": None}, "assigned to nobody by anna"),
        ("issue.assigned", {"assignee": str(OTHER)}, "assigned to somebody whose account is gone by anna"),
        (
            "issue.groups_moved",
            {"from": str(OTHER), "groups": ["a", "b", "c"], "kind": "merge"},
            f"issue {OTHER} merged into {ISSUE}; 3 groups moved by anna",
        ),
        (
            "issue.groups_moved",
            {"from": str(OTHER), "groups": ["a"], "kind": "regroup"},
            f"1 group moved from issue {OTHER} to {ISSUE} by a change of the grouping by anna",
        ),
        (
            "issue.undone",
            {"state": {"status": "resolved", "substatus": "in_next_release"}},
            "a decision was undone by anna: resolved (in next release) again",
        ),
        (
            "issue.undone",
            {
                "state": {"status": "ignored", "substatus": "ignored", "assignee": None, "stands": 3},
                "was": {"status": "ignored", "substatus": "ignored", "assignee": str(OTHER), "stands": 4},
            },
            "a decision was undone by anna: assigned to nobody again",
        ),
        (
            "issue.undone",
            {
                "state": {"status": "ignored", "substatus": "ignored", "assignee": str(OTHER)},
                "was": {"status": "unresolved", "substatus": "ongoing", "assignee": None},
            },
            "a decision was undone by anna: ignored and assigned to somebody whose account is gone again",
        ),
        (
            "issue.undone",
            {
                "state": {"status": "resolved", "substatus": "in_release", "resolved_in": "1.0"},
                "was": {"status": "resolved", "substatus": "in_release", "resolved_in": "2.0"},
            },
            "a decision was undone by anna: resolved (in release) again",
        ),
        ("issue.invented", {}, "issue invented"),
    ],
)
def test_what_people_did(type_: str, data: dict[str, Any], words: str) -> None:
    assert said(type_, data) == words


@pytest.mark.parametrize(
    ("type_", "data", "release", "words"),
    [
        (
            "issue.regressed",
            {"was": WAS},
            "1.5.0",
            "regressed: release 1.5.0 reported it 3 minutes after it was resolved in 1.4.2",
        ),
        (
            "issue.regressed",
            {"was": WAS | {"resolved_in": None, "current_release": "1.4", "substatus": "in_next_release"}},
            None,
            "regressed: a report without a release reported it 3 minutes after it was resolved"
            " in the release after 1.4",
        ),
        ("issue.unmuted", {"reason": "until"}, None, "unmuted: its time was over"),
        ("issue.overflowed", {"groups": ["a", "b"]}, None, "2 new errors went here"),
    ],
)
def test_what_policies_did(type_: str, data: dict[str, Any], release: str | None, words: str) -> None:
    assert said(type_, data, actor="policy:of_ours", release=release).startswith(words)


def test_every_fact_about_an_issue_has_words_of_its_own() -> None:
    types = {
        one.TYPE
        for name in events.__all__
        if isinstance(one := getattr(events, name), type)
        and issubclass(one, Fact)
        and one.__dict__.get("TYPE", "").startswith("issue.")
    }
    assert len(types) > 10
    assert types <= set(_WORDS)
