"""A hundred rules, and texts made for them, cost a report no more than milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.grouping import Rule, RuleSet, check_rule, group_report
from avalon.grouping.frames import forget_places
from avalon.grouping.wildcards import fits_name, replace_words
from avalon.reports import ExceptionInfo, Frame, Report


def hundred(**fields: str) -> RuleSet:
    """A hundred rules of one kind; each has two letters of its own for `XX`."""
    names = [f"{chr(65 + n % 26)}{chr(65 + n // 26)}" for n in range(100)]
    made = [
        Rule(id=UUID(int=n), **{field: text.replace("XX", name) for field, text in fields.items()})  # type: ignore[arg-type]
        for n, name in enumerate(names, 1)
    ]
    return RuleSet([check_rule(one) for one in made])


def seconds(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


ENDS = "".join(f" {chr(65 + n % 26)}{chr(65 + n // 26)}" for n in range(100))


@pytest.mark.parametrize("pattern", ["-*b*XX", "-*-*-*XX", "*-*b*XX", "a*b*XX", "-*b (*XX", "*b*-XX*"])
@pytest.mark.parametrize("unit", ["-", "-b", "-b ", "a-b", "a", "b", "-b (", "-" * 100 + "b"], ids=repr)
def test_a_hundred_words_that_vary_take_no_text_long(pattern: str, unit: str) -> None:
    """Without the end that they need, and with it: where their fixed parts stand, but none of them fits."""
    rules = hundred(kind="variable", pattern=pattern)
    for run in (unit * 500, (unit * 200)[:200] + ENDS):
        group_report(Report(message=run), rules)  # what is compiled stays
        assert seconds(lambda run=run: group_report(Report(message=run), rules)) < 0.06, run


@pytest.mark.parametrize("count", [11_000, 255])
def test_a_hundred_rules_take_a_text_of_frames_not_long(count: int) -> None:
    rules = hundred(kind="ignore_frame", module="*ab*XX")
    filler = "ab" * (262_000 // count // 2 - 10)
    tracebacks = [
        "Traceback (most recent call last):\n"
        + "".join(f'File "{filler}{number}", line 1\n' for number in range(at, min(count, at + 250)))
        + "E: m\n"
        for at in range(0, count, 250)
    ]
    joint = "\nDuring handling of the above exception, another exception occurred:\n\n"
    report = Report(message="m", stack=joint.join(tracebacks)[:262_144])
    forget_places()
    assert seconds(lambda: group_report(report, rules)) < 0.25


def chain(exceptions: int, frames: int) -> Report:
    """Of library's frames only: every one of them is looked at."""
    made = [
        [
            Frame(function=f"f{number}", filename=f"/site-packages/a{at}.java", in_app=False)
            for number in range(frames)
        ]
        for at in range(exceptions)
    ]
    return Report(message="m", exceptions=[ExceptionInfo(type="E", value="m", frames=own) for own in made])


def test_rules_are_asked_about_a_bounded_number_of_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = hundred(kind="ignore_frame", module="*ab*XX")
    asked: list[str] = []
    monkeypatch.setattr(rules, "_ignored_by", lambda *names: asked.append(names[0]))
    group_report(chain(50, 200), rules)
    assert len(asked) == 256 and asked[:128] == [f"f{number}" for number in range(72, 200)]
    asked.clear()
    group_report(chain(1, 3), rules)
    assert asked == ["f0", "f1", "f2"]


NAMES = st.text("ab-", max_size=12)


@given(NAMES, st.lists(NAMES, min_size=1, max_size=4).filter(lambda parts: all(parts[1:-1])))
def test_a_name_fits_as_if_it_were_tried_in_every_way(name: str, parts: list[str]) -> None:
    def fits(left: str, rest: list[str]) -> bool:
        if not rest:
            return left == ""
        return any(
            left[at:].startswith(rest[0]) and fits(left[at + len(rest[0]) :], rest[1:])
            for at in range(len(left) + 1)
        )

    tried = name.startswith(parts[0]) and (fits(name[len(parts[0]) :], parts[1:]))
    assert fits_name(parts, name) == tried


@pytest.mark.parametrize(
    ("pattern", "text", "replaced"),
    [
        ("-*b", "x-y-b z", "x# z"),
        ("-*b", "x-y -b z", "x-y # z"),
        ("a*b", "axb/ayb", "#/#"),
        ("a*b", "xaxb, ab", "xaxb, #"),
        ("a b*c", "a bd a bxc", "a bd #"),
        ("id:*", "id:. id:x.", "id:. #."),
        ("*-x", "a-xy b-x", "a-xy #"),
    ],
)
def test_words_are_found_within_words_and_beside_marks(pattern: str, text: str, replaced: str) -> None:
    assert replace_words(pattern, "#", text) == replaced
