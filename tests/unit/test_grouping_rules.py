"""What people's rules do to keys, and that no text makes them slow."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from avalon.errors import BadInput
from avalon.grouping import Rule, RuleSet, check_rule, group_report
from avalon.grouping.masks import mask
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
        ("ord_*", "failed with ord_abc.", "failed with <num>."),
        ("ord_*", "failed at 'ord_abc'", "failed at <str>"),
        ("ord_*", "order=ord_abc failed", "order=<value> failed"),
        ("ord_*", "lost ord_abc, ord_d and 7", "lost <num> and <num>"),
        ("ord_*", "no record_abc", "no record_abc"),
        ("*-east", "us-east is down, eastern is not", "<num> is down, eastern is not"),
        ("a*b*c", "axxbyyc and acb and axxbyycz", "<num> and acb and axxbyycz"),
        ("tuesday", "closed on tuesday, tuesdays", "closed on <num>, tuesdays"),
        ("dark blue (*)", "dark blue (sky) and red (sky)", "<num> and red (sky)"),
        ("dark blue (*)", "dark blue (17) and red (sky)", "<num> and red (sky)"),
        ("x.y", "xzy x.y", "xzy <num>"),
    ],
)
def test_words_that_vary_are_found_whole(pattern: str, message: str, masked: str) -> None:
    found = group_report(Report(message=message), variable(pattern))
    assert found.key_parts[1] == masked
    assert found.rules == ([str(ID)] if masked != message else [])


@pytest.mark.parametrize("text", ["ord_a1", "ord_abc", "ord_zz-9", "77"])
def test_what_varies_gives_the_key_that_masks_give_to_data(text: str) -> None:
    rules = variable("ord_*")
    for report in (Report(message=f"lost {text}!"), crash("total", value=f"lost {text}!")):
        found = group_report(report, rules)
        assert found.key_parts[1] == "lost <num>!"
        assert found.rules == ([str(ID)] if text == "ord_abc" else [])


@pytest.mark.parametrize("pattern", ["num", "str", "ord_*"])
def test_what_is_masked_is_left_alone(pattern: str) -> None:
    report = Report(message="lost ord_17 in 'a b' of 5")
    assert group_report(report, variable(pattern)) == group_report(report)


WORDS = ["lost", "ord_", "ord_abc", "for user", "id=", "in", "<num>", "num"]
TOKENS = st.sampled_from([*WORDS, *"'\",:/() .-<>  "])
# Data of which masks make the same: two messages that differ by it have one key.
DATA = st.sampled_from(
    ["7", "ord_1", "ord_a1", "10.0.0.1", "/srv/ord_abc", "ord_x@a.de", "'ord b c'", "0x1f"]
)
PATTERNS = st.sampled_from(
    ["ord_*", "*_abc", "o*d*", "lost", "num", "lost ord_*", "for user", "in (*)", "x.y"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(TOKENS, st.tuples(DATA, DATA)), max_size=12), PATTERNS, st.booleans())
def test_words_that_vary_only_ever_join(tokens: list[Any], pattern: str, is_crash: bool) -> None:
    def report(number: int) -> Report:
        text = "".join(token if isinstance(token, str) else token[number] for token in tokens)
        return crash("total", value=text) if is_crash else Report(message=text)

    one, other = report(0), report(1)
    assume(group_report(one).key_parts == group_report(other).key_parts)
    rules = variable(pattern)
    assert group_report(one, rules).key_parts == group_report(other, rules).key_parts


def test_words_that_varied_before_they_are_masked_would_split() -> None:
    """The control: what one key was is two where the rule comes first."""
    first = {text: mask(text.replace("ord_a1", "<var>")) for text in ("lost ord_a1", "lost 77")}
    assert len(set(first.values())) == 2 and len(set(map(mask, first))) == 1


def test_a_template_of_the_client_is_read_before_the_message() -> None:
    report = Report(message="lost x", message_template="lost ord_x")
    assert group_report(report, variable("ord_*")).key_parts[1] == "lost <num>"


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
    assert found.key_parts == ["LookupError", "no such <num>", "shop.total.total"]
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
        {"kind": "ignore_frame", "module": "*/*.*"},
        {"kind": "ignore_frame", "function": "_*_*"},
        {"kind": "variable", "pattern": "a*"},
        {"kind": "variable", "pattern": "*e*"},
        {"kind": "variable", "pattern": "ord**"},
        {"kind": "variable", "pattern": "..."},
        {"kind": "variable", "pattern": "<*>"},
        {"kind": "variable", "pattern": "a\N{NO-BREAK SPACE}b"},
    ],
    ids=str,
)
def test_a_rule_that_says_nothing_or_too_much_is_refused_by_its_field(fields: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        rule(**fields)
    given = [name for name in ("function", "module", "pattern") if fields.get(name, "").strip()]
    assert refused.value.field == (f"rule.{given[0]}" if given else "rule")


def test_a_pattern_may_have_blanks_within_it() -> None:
    report = crash("async find all", value="closed on good friday")
    rules = RuleSet(
        [
            rule(kind="ignore_frame", function=" async find * "),
            rule(OTHER, kind="variable", pattern="good friday"),
        ]
    )
    assert group_report(report, rules).key_parts == ["LookupError", "closed on <num>"]


@pytest.mark.parametrize("pattern", ["a*b*c*d", "*a*b*c", "*-east", "ord_*", "ab*"])
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


def test_a_hundred_rules_that_begin_with_a_star_are_tried_once_a_word() -> None:
    """Tried at every letter, these take ten times as long."""
    made = [rule(UUID(int=n), kind="variable", pattern=f"*w{n}x*") for n in range(1, 101)]
    rules = RuleSet(made)
    begun = time.thread_time()
    group_report(Report(message="a-" * 400), rules)
    assert time.thread_time() - begun < 0.05
    assert group_report(Report(message="lost us-w7xy"), rules).key_parts[1] == "lost <num>"
