"""What people's rules do to keys, and that no text makes them slow."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import pytest

from avalon.errors import BadInput
from avalon.grouping import Rule, RuleSet, check_rule, group_report
from avalon.reports import ExceptionInfo, Frame, Report

ID, OTHER = UUID(int=1), UUID(int=2)


def rule(id_: UUID = ID, **fields: Any) -> Rule:
    return check_rule(Rule(id=id_, **fields))


def variable(pattern: str) -> RuleSet:
    return RuleSet([rule(kind="variable", pattern=pattern)])


def crash(*functions: str, value: str = "no such order") -> Report:
    """A report whose stack ends in the last of these functions."""
    frames = [Frame(function=name, filename=f"shop/{name}.py", lineno=3) for name in functions]
    return Report(message=value, exceptions=[ExceptionInfo(type="LookupError", value=value, frames=frames)])


@pytest.mark.parametrize(
    ("pattern", "message", "masked"),
    [
        ("ord_*", "failed for ord_abc.", "failed for <var>."),
        ("ord_*", "failed for ord_a-b:c, again", "failed for <var>, again"),
        ("ord_*", "failed for 'ord_abc'", "failed for '<var>'"),
        ("ord_*", "no record_abc", "no record_abc"),
        ("*-east", "us-east is down, eastern is not", "<var> is down, eastern is not"),
        ("a*b*c", "axxbyyc and acb and axxbyycz", "<var> and acb and axxbyycz"),
        ("tuesday", "closed on tuesday, tuesdays", "closed on <var>, tuesdays"),
        ("blue (*)", "blue (sky) and red (sky)", "<var> and red (sky)"),
        ("x.y", "xzy x.y", "xzy <var>"),
    ],
)
def test_words_that_vary_are_found_whole(pattern: str, message: str, masked: str) -> None:
    taken: set[str] = set()
    assert variable(pattern).vary(message, taken) == masked
    assert taken == ({str(ID)} if masked != message else set())


@pytest.mark.parametrize("text", ["ord_a1", "ord_abc", "ord_zz-9"], ids=["digit", "letters", "both"])
def test_what_varies_gives_one_key_whatever_masks_make_of_it(text: str) -> None:
    rules = variable("ord_*")
    for report in (Report(message=f"failed for {text}"), crash("total", value=f"failed for {text}")):
        found = group_report(report, rules)
        assert found.key_parts[1] == "failed for <var>"
        assert found.rules == [str(ID)]


def test_a_template_of_the_client_is_read_before_the_message() -> None:
    report = Report(message="failed for x", message_template="failed for ord_x")
    assert group_report(report, variable("ord_*")).key_parts[1] == "failed for <var>"


@pytest.mark.parametrize(
    "fields",
    [
        {"function": "retry"},
        {"function": "ret*"},
        {"module": "shop.retry"},
        {"module": "shop/retry.py"},
        {"module": "*/retry.py"},
        {"function": "r*y", "module": "shop.*"},
    ],
    ids=str,
)
def test_an_ignored_frame_does_not_decide(fields: dict[str, str]) -> None:
    rules = RuleSet([rule(kind="ignore_frame", **fields)])
    report = crash("total", "retry")
    assert group_report(report).key_parts[2] == "shop.retry.retry"
    found = group_report(report, rules)
    assert found.key_parts == group_report(crash("total")).key_parts
    assert (found.rules, found.culprit) == ([str(ID)], "shop.total.total")


@pytest.mark.parametrize(
    "fields",
    [{"function": "retr"}, {"function": "retry", "module": "other.*"}, {"module": "retry"}],
    ids=str,
)
def test_a_rule_that_does_not_fit_changes_nothing(fields: dict[str, str]) -> None:
    report = crash("total", "retry")
    assert group_report(report, RuleSet([rule(kind="ignore_frame", **fields)])) == group_report(report)


def test_where_every_frame_is_ignored_the_message_decides() -> None:
    found = group_report(crash("total"), RuleSet([rule(kind="ignore_frame", module="shop.*")]))
    assert found.key_parts == ["LookupError", "no such order"]


def test_a_stack_as_text_obeys_as_frames_do() -> None:
    stack = 'Traceback (most recent call last):\n  File "shop/total.py", line 3, in total\n    x()\n'
    stack += '  File "shop/retry.py", line 5, in retry\n    y()\nLookupError: no such order'
    rules = RuleSet(
        [rule(kind="ignore_frame", function="retry"), rule(OTHER, kind="variable", pattern="order")]
    )
    found = group_report(Report(message="no such order", stack=stack), rules)
    assert found.key_parts == ["LookupError", "no such <var>", "shop.total.total"]
    assert found.rules == [str(ID), str(OTHER)]


def test_which_exception_decides_is_seen_by_all_frames() -> None:
    """The handler that caught and raised anew is the same one, also where a rule ignores it."""
    handle = Frame(function="handle", filename="shop/handle.py")
    cause = ExceptionInfo(
        type="KeyError", value="x", frames=[handle, Frame(function="find", filename="shop/find.py")]
    )
    report = Report(message="m", exceptions=[ExceptionInfo(type="Failed", value="m", frames=[handle]), cause])
    assert group_report(report).type == "KeyError"
    rules = RuleSet([rule(kind="ignore_frame", function="handle")])
    assert group_report(report, rules).type == "KeyError"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "variable"},
        {"kind": "variable", "pattern": "*"},
        {"kind": "variable", "pattern": "  "},
        {"kind": "variable", "pattern": "a*b*c*d*e"},
        {"kind": "variable", "pattern": "x" * 201},
        {"kind": "variable", "pattern": "a\nb"},
        {"kind": "variable", "pattern": "a", "function": "b"},
        {"kind": "ignore_frame"},
        {"kind": "ignore_frame", "pattern": "a"},
        {"kind": "ignore_frame", "function": "**"},
    ],
    ids=str,
)
def test_a_rule_that_says_nothing_or_too_much_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="rule"):
        rule(**fields)


@pytest.mark.parametrize("pattern", ["a*b*c*d", "*a*b*c", "*-east", "ord_*", "a*"])
@pytest.mark.parametrize(
    "text",
    ["a-" * 5_000, "a" * 10_000, "ab-" * 5_000, "abc" * 4_000, "-east" * 2_000, "ord_" * 2_500],
    ids=["dashes", "letters", "pairs", "triples", "easts", "orders"],
)
def test_no_text_makes_a_pattern_slow(pattern: str, text: str) -> None:
    rules = RuleSet(
        [rule(kind="variable", pattern=pattern), rule(OTHER, kind="ignore_frame", function=pattern)]
    )
    begun = time.thread_time()
    group_report(crash("total", text[:512], value=text[:8_192]), rules)
    assert time.thread_time() - begun < 0.05
