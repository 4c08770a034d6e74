"""What a rule wants and what it leaves out, and how it says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.errors import BadInput
from avalon.rules import Definition, Rule, Seen, check, check_name, mismatch, of_levels
from avalon.rules.matching import like


def seen(**fields: Any) -> Seen:
    values: dict[str, Any] = {
        "what": "error.reported",
        "service": "api",
        "level": "error",
        "environment": "prod",
        "release": "1.4.2",
        "tags": {"browser": "firefox"},
    }
    return Seen(**values | fields)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, None),
        ({"services": ["api", "web"], "environments": ["prod"], "level": "error"}, None),
        ({"release": "1.4.*", "tags": {"browser": ["chrome", "firefox"]}}, None),
        ({"services": ["web"]}, "service is api; the rule wants web"),
        ({"environments": ["dev", "test"]}, "environment is prod; the rule wants dev or test"),
        ({"level": "fatal"}, "level is error; the rule wants fatal or worse"),
        ({"release": "2.*"}, "release is 1.4.2; the rule wants 2.*"),
        ({"tags": {"browser": ["chrome"]}}, "tag browser is firefox; the rule wants chrome"),
        ({"tags": {"os": ["linux"]}}, "tag os is not given; the rule wants linux"),
        ({"when": "opened"}, "the issue has another report; the rule wants one that opens"),
    ],
    ids=lambda value: "" if value is None else str(value)[:40],
)
def test_why_a_rule_leaves_a_report_out_is_said_in_words(rule: dict[str, Any], why: str | None) -> None:
    assert mismatch(Rule(**{"when": "reported"} | rule), seen()) == why


@pytest.mark.parametrize("what", ["issue.regressed", "issue.unmuted"])
def test_the_end_of_a_mute_is_a_regression_too(what: str) -> None:
    assert mismatch(Rule(when="regressed"), seen(what=what)) is None
    assert mismatch(Rule(when="opened"), seen(what=what)) is not None


def test_the_levels_of_a_sink_are_those_and_no_others() -> None:
    (rule,) = of_levels(["info"], 60)
    assert mismatch(rule, seen(level="info")) is None
    assert mismatch(rule, seen(level="fatal")) == "level is fatal; the rule wants info"
    assert of_levels([], 60) == []


@given(st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=4), st.text("ab", max_size=8))
def test_stars_stand_for_any_text(pieces: list[str], filling: str) -> None:
    assert like(filling.join(pieces), "*".join(pieces))


@pytest.mark.parametrize(("text", "pattern"), [("ab", "ab*b"), ("1.5", "1.4.*"), ("x1.4", "1.*"), ("", "a*")])
def test_what_a_pattern_is_not_like(text: str, pattern: str) -> None:
    assert not like(text, pattern)


def test_a_pattern_of_nothing_but_stars_is_read_in_one_pass() -> None:
    assert not like("a" * 200 + "b", "*a" * 100 + "c*" + "d")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"when": "never"}, "when"),
        ({"when": "events"}, "threshold"),
        ({"when": "events", "threshold": 5, "window_s": 90}, "window_s"),
        ({"when": "events", "threshold": 5, "window_s": 2 * 86_400}, "window_s"),
        ({"when": "users", "threshold": 1_001, "window_s": 60}, "threshold"),
        ({"threshold": 5}, "threshold"),
        ({"pace_s": 5}, "pace_s"),
        ({"level": "loud"}, "level"),
        ({"services": [""]}, "services"),
        ({"environments": ["x" * 201]}, "environments"),
        ({"release": "a\0"}, "release"),
        ({"tags": {"browser": []}}, "tags"),
        ({"q": "level:loud"}, "q"),
        ({"q": "assigned:me"}, "q"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_can_not_be_asked_is_told_by_its_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        check(Definition(**{"when": "reported"} | wrong))
    assert refused.value.field == field


def test_a_name_is_one_printable_line() -> None:
    assert check_name("  Night   shift ") == "Night shift"
    with pytest.raises(BadInput):
        check_name("a\x1b[31m")
