"""The shortcut past cleaning: what is passed on as it came is what would have been made of it."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from avalon.reports import Cleaner, ExceptionInfo, Frame, Privacy, Report, clean_report, cleaner_for
from avalon.reports.scrubbing import FILTERED

CARD = 4111111111111111
keys = st.sampled_from(["a", "items", "token", "Set-Cookie", "pyjwt", "k" * 64, "k" * 65, "k" * 201])
leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.just(CARD) | st.floats() | keys
values = st.recursive(
    leaves | st.just("x" * 1_025),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(keys, values, max_size=4)
texts = st.sampled_from(["", "a", "b" * 257, "c" * 1_025])
numbers = st.sampled_from([None, -1, 0, 2**31])
frames = st.builds(
    Frame,
    function=texts,
    module=texts,
    filename=texts,
    abs_path=texts,
    lineno=numbers,
    colno=numbers,
    context_line=st.none() | texts,
    pre_context=st.lists(texts, max_size=11),
    post_context=st.lists(texts, max_size=11),
    vars=objects,
)
deep: dict[str, Any] = {"a": []}
for _ in range(32):
    deep = {"a": deep}


def cleaners() -> tuple[Cleaner, Cleaner]:
    """One that takes the shortcut where it may, and one that never does; neither needs a check."""
    quick, slow = Cleaner(b"{}"), Cleaner(b"{}")
    slow.is_plain = False
    return quick, slow


@given(objects)
@example(deep)
@example({"a": [["token", "x"]]})
@example({"a": {str(number): 1 for number in range(1_001)}})
@example({"a": list(range(1_001))})
@example({"a": [CARD, float(CARD), 2**64, 1e300]})
def test_an_object_that_is_passed_on_is_what_would_have_been_made_of_it(value: dict[str, Any]) -> None:
    quick, slow = cleaners()
    found, made = (cleaner.free_form(value, "metadata", 1_024) for cleaner in (quick, slow))
    assert repr(found) == repr(made)  # NaN is not equal to itself
    assert quick.cut == slow.cut


@given(frames)
@example(Frame(pre_context=["a"] * 11))
@example(Frame(post_context=["a"] * 11))
@example(Frame(colno=2**31))
def test_a_frame_that_is_passed_on_is_what_would_have_been_made_of_it(frame: Frame) -> None:
    report = Report(message="boom", exceptions=[ExceptionInfo(frames=[frame])])
    found, made = (clean_report(report, cleaner) for cleaner in cleaners())
    assert repr(found) == repr(made)


def test_most_is_passed_on() -> None:
    value = {"a": [{"b": "c", "number": 1.5}, None, True]}
    assert Cleaner(b"{}").free_form(value, "metadata") is value


def test_a_key_that_is_innocent_for_one_is_not_for_another() -> None:
    value = {"shoe": "42"}
    assert cleaner_for(b"{}", None).free_form(value, "metadata") == value
    for name in ("hat", "shoe"):
        privacy = Privacy([name], drop_ip_addresses=False)
        expected = {"shoe": FILTERED} if name == "shoe" else value
        assert cleaner_for(b"{}", privacy).free_form(value, "metadata") == expected
