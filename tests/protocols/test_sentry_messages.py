"""What a Sentry event's message is: formatted texts, templates with parameters, reports about policies."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from avalon.protocols.sentry import decode_event
from avalon.protocols.submission import Terms
from avalon.reports import Privacy
from tests.protocols.sentry_events import report_of


@pytest.mark.parametrize(
    "event",
    [
        {"message": "boom"},
        {"logentry": "boom"},
        {"message": {"message": "boom"}},
        {"logentry": {"message": "boom", "params": None}},
        {"logentry": {"formatted": "boom"}},
        {"logentry": {"message": "boom", "formatted": "boom", "params": []}},
        {"logentry": {"message": None}, "message": "boom"},
        {"logentry": None, "message": "boom"},
        {"logentry": {"message": "boom"}, "message": "boom"},
    ],
    ids=str,
)
def test_a_message_comes_in_many_forms(event: dict[str, Any]) -> None:
    report = report_of(**event)
    assert (report.message, report.message_template, report.metadata) == ("boom", "", {})


@pytest.mark.parametrize(
    ("template", "params", "message"),
    [
        ("%s of %d failed", ["a", 7], "a of 7 failed"),
        ("%(one)s and %(two)05.2f", {"one": "a", "two": 1.5}, "a and 1.5"),
        ("%2$s before %1$s", ["a", "b"], "b before a"),
        ("%@ is nil at 100%%", ["x"], "x is nil at 100%"),
        ("{} of {} failed", ["a", 7], "a of 7 failed"),
        ("{1} before {0:>10}", ["a", "b"], "b before a"),
        ("{one!r} and {@two}", {"one": "a", "two": True}, "a and true"),
        ("100% of {name} failed", {"name": "a"}, "100% of a failed"),
        ("%s of %s failed", ["a"], "a of %s failed"),
        ("%s and %s", ["a", {"password": "x"}], "a and %s"),
        ("%(one)s and %(two)s", {"one": "a"}, "a and %(two)s"),
    ],
)
def test_a_template_is_filled_in_and_kept_for_the_grouping(template: str, params: Any, message: str) -> None:
    report = report_of(logentry={"message": template, "params": params})
    assert (report.message, report.message_template) == (message, template)
    assert report.grouping is not None
    assert report.grouping.key_parts == report_of(message=template).grouping.key_parts  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("template", "params"),
    [
        ("no place", ["a"]),
        ("%s", []),
        ("%s", "text"),
        ("%s", 7),
        ("%s", [None]),
        ("%s", {"a": 1}),
        ("{a", ["b"]),
        ("%(a)s", ["b"]),
        ("%9$s", ["a"]),
        ("%0$s", ["a"]),
    ],
)
def test_a_template_without_its_parameters_is_the_message(template: str, params: Any) -> None:
    report = report_of(logentry={"message": template, "params": params})
    assert (report.message, report.message_template) == (template, "")


def test_the_text_that_the_sdk_formatted_is_the_message() -> None:
    said = {"message": "took {Elapsed}", "formatted": "took 3 s", "params": [4]}
    report = report_of(logentry=said)
    assert (report.message, report.message_template) == ("took 3 s", "took {Elapsed}")
    assert report.metadata == {"params": [4]}


@pytest.mark.parametrize("template", ["%s", "%s: %s", "{}", "{Err}", "%(a)s!", "[%s] %d"])
def test_a_template_without_words_does_not_group(template: str) -> None:
    report = report_of(logentry={"message": template, "formatted": "disk full"})
    assert (report.message, report.message_template) == ("disk full", "")


def test_two_occurrences_of_one_template_are_one_group() -> None:
    first, second = (
        report_of(logentry={"message": "lost %s", "params": [name]}) for name in ("Ann's cart", "the queue")
    )
    assert first.message != second.message
    assert first.grouping == second.grouping


def test_the_exceptions_value_comes_before_the_log_message_which_is_kept() -> None:
    said = {"message": "paying %s failed", "params": ["17"]}
    report = report_of(logentry=said, exception={"type": "KeyError", "value": "x"}, message="other")
    assert (report.message, report.message_template) == ("x", "")
    assert report.metadata == {"logentry": "paying 17 failed", "params": ["17"], "message": "other"}


@pytest.mark.parametrize("message", ["", " ", [], {}, None, {"message": ""}, {"message": [1]}])
def test_an_event_that_says_nothing_is_shown_by_its_transaction(message: Any) -> None:
    assert report_of(message=message, culprit="shop.pay").message == "shop.pay"
    assert report_of(message=message, transaction="/pay").message == "/pay"
    assert report_of(message=message).message == "(no message)"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            {"csp": {"effective_directive": "img-src", "blocked_uri": "https://evil.example/a/b.png?c"}},
            "CSP img-src blocked https://evil.example",
        ),
        (
            {"csp": {"violated_directive": "script-src 'self'", "blocked_uri": ""}},
            "CSP script-src blocked inline",
        ),
        (
            {"sentry.interfaces.Csp": {"effective_directive": "x", "blocked_uri": "data"}},
            "CSP x blocked data",
        ),
        ({"expectct": {"hostname": "a.example"}}, "Expect-CT failed for a.example"),
        ({"hpkp": {"hostname": "a.example"}}, "Public-Key-Pins failed for a.example"),
        ({"expectstaple": {"hostname": []}}, "(no message)"),
    ],
)
def test_a_browsers_report_about_a_policy_is_said_in_a_line(event: dict[str, Any], message: str) -> None:
    report = report_of(**event)
    assert report.message == message
    assert len(report.metadata) == 1


def test_a_secret_that_only_the_filled_template_shows_is_filtered() -> None:
    report = report_of(logentry={"message": "%s=%s", "params": ["password", "hunter2"]})
    assert report.message == "password=[Filtered]"


def test_a_parameter_that_is_secret_by_its_name_is_not_said() -> None:
    """In the text it has no name any more."""
    params = {"password": "hunter2", "ssn": "078-05-1120", "user": "ada"}
    event = {"logentry": {"message": "%(user)s %(password)s %(ssn)s", "params": params}}
    body = json.dumps(event).encode()
    said = "ada [Filtered] 078-05-1120"
    assert decode_event(body).report.message == said
    terms = Terms(privacy=Privacy(["ssn"], drop_ip_addresses=False))
    report = decode_event(body, terms).report
    assert report.message == "ada [Filtered] [Filtered]"
    assert report.metadata == {"params": params | {"password": "[Filtered]", "ssn": "[Filtered]"}}


def test_a_template_is_scrubbed_like_every_text() -> None:
    said = {"message": "lost\0 Bearer abc123def456 of %s", "formatted": "lost a token"}
    assert report_of(logentry=said).message_template == "lost\ufffd Bearer [Filtered] of %s"


def test_a_template_that_is_too_long_is_not_filled() -> None:
    report = report_of(logentry={"message": "%s" * 5_000, "params": ["x"]})
    assert (report.message, report.message_template) == ("%s" * 4_096, "")


def test_a_filled_template_takes_little_memory() -> None:
    body = json.dumps({"logentry": {"message": "%1$s" * 200, "params": ["x" * 100_000]}}).encode()
    tracemalloc.start()
    try:
        report = decode_event(body).report
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.message == "x" * 8_192
    assert peak < 5_000_000, "all of it would be 20 MB"
