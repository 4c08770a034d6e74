"""Exceptions, stacks and threads of Sentry events: their order, and where the frames are taken from."""

from __future__ import annotations

from typing import Any

import pytest

from avalon.reports import ExceptionInfo, Frame
from tests.protocols.sentry_events import report_of


def exceptions_of(value: Any, **fields: Any) -> list[ExceptionInfo]:
    return report_of(exception=value, **fields).exceptions


def functions_of(**fields: Any) -> list[str]:
    return [frame.function for one in report_of(**fields).exceptions for frame in one.frames]


def stack(*functions: str) -> dict[str, Any]:
    return {"frames": [{"function": function} for function in functions]}


ONE = {"type": "KeyError", "value": "x"}


@pytest.mark.parametrize(
    "value",
    [
        *({"values": [ONE]}, [ONE], ONE, {"values": ONE}, {"values": [None, ONE, {}, 7, []]}),
        *({"value": "KeyError: x"}, "KeyError: x", {"values": [{"value": "KeyError:x", "type": None}]}),
    ],
    ids=["wrapped", "list", "object", "wrapped object", "odd", "no type", "text", "null type"],
)
def test_exceptions_come_in_many_forms(value: Any) -> None:
    report = report_of(exception=value)
    assert report.exceptions == [ExceptionInfo(type="KeyError", value="x")]
    assert (report.type, report.message) == ("KeyError", "x")


def test_the_cause_which_sentry_names_first_comes_last() -> None:
    report = report_of(
        exception=[{"type": "Cause", "value": "a"}, {"type": "Middle"}, {"type": "Raised", "value": "b"}]
    )
    assert [one.type for one in report.exceptions] == ["Raised", "Middle", "Cause"]
    assert (report.type, report.message) == ("Cause", "a")


def test_the_message_is_that_of_the_exception_that_decides_the_type() -> None:
    """A handler that failed at something else: what it had dealt with says nothing of it."""
    dealt_with = {"type": "KeyError", "value": "k", "stacktrace": python_stack("lookup")}
    failed = {"type": "RuntimeError", "value": "no card", "stacktrace": python_stack("main", "pay")}
    report = report_of(exception=[dealt_with, failed])
    assert [one.type for one in report.exceptions] == ["RuntimeError", "KeyError"]
    assert report.grouping is not None
    assert (report.grouping.type, report.message) == ("RuntimeError", "no card")


def python_stack(*functions: str) -> dict[str, Any]:
    return {"frames": [{"function": one, "filename": "shop.py", "lineno": 1} for one in functions]}


def member(id: int, parent: int | None, *, group: bool = False) -> dict[str, Any]:
    mechanism = {"exception_id": id, "parent_id": parent, "is_exception_group": group}
    return {"type": str(id), "mechanism": mechanism}


def test_reacts_stack_of_components_is_no_cause() -> None:
    values = [{"type": "React ErrorBoundary TypeError", "value": "x"}, {"type": "TypeError", "value": "x"}]
    types = [one.type for one in report_of(exception={"values": values}).exceptions]
    assert types == ["React ErrorBoundary TypeError", "TypeError"]


def test_of_a_groups_members_the_cause_of_the_first_comes_last() -> None:
    # 0 is a group of 1 (caused by 2), 3 (a group of 4 and 5) and 6; Sentry's order is the reverse.
    tree = [member(6, 0), member(5, 3), member(4, 3), member(3, 0, group=True), member(2, 1), member(1, 0)]
    found = exceptions_of([*tree, member(0, None, group=True)])
    assert [one.type for one in found] == ["0", "6", "3", "5", "4", "1", "2"]


def test_the_tree_of_a_group_is_kept_by_the_places_in_the_list() -> None:
    tree = [member(3, 0), member(2, 1), member(1, 0, group=True), member(0, None, group=True)]
    tree[0]["mechanism"]["source"] = "exceptions[1]"
    report = report_of(exception=tree)
    assert [one.type for one in report.exceptions] == ["0", "3", "1", "2"]
    expected = {"parents": [None, 0, 0, 2], "sources": ["", "exceptions[1]", "", ""]}
    assert report.contexts["exception_group"] == expected


def test_a_plain_chain_has_no_tree() -> None:
    assert "exception_group" not in report_of(exception=[member(1, 0), member(0, None)]).contexts


@pytest.mark.parametrize("source", ["__cause__", "__context__"])
def test_a_members_cause_is_told_by_its_number_where_its_parent_is_wrong(source: str) -> None:
    # sentry-python says that every cause is the first exception's.
    tree = [member(3, 0), member(2, 0), member(1, 0), member(0, None, group=True)]
    tree[1]["mechanism"]["source"] = source
    report = report_of(exception=tree)
    assert [one.type for one in report.exceptions] == ["0", "3", "1", "2"]
    assert report.contexts["exception_group"]["parents"] == [None, 0, 0, 2]


def test_a_broken_tree_of_a_group_loses_nothing() -> None:
    cycle = [member(1, 2), member(2, 1), member(3, 3)]
    odd = [member(0, None, group=True), member(0, 0), member(7, 99), {"type": "plain", "mechanism": 17}]
    found = exceptions_of([*cycle, *odd, {"type": "list", "mechanism": {"parent_id": [1]}}])
    assert sorted(one.type for one in found) == ["0", "0", "1", "2", "3", "7", "list", "plain"]


def test_handled_is_what_the_mechanism_says_and_else_unknown() -> None:
    mechanisms = [{"handled": True}, {"handled": False}, {"handled": "yes"}, {"handled": None}, "x", None]
    found = exceptions_of([{**ONE, "mechanism": mechanism} for mechanism in mechanisms])
    assert [one.handled for one in found[::-1]] == [True, False, None, None, None, None]


def test_a_value_that_is_no_text_becomes_one_or_is_left_out() -> None:
    values = [17, True, {"password": "x"}, ["x"], None]
    found = exceptions_of([{"type": "E", "value": value} for value in values])
    assert [one.value for one in found[::-1]] == ["17", "true", "", "", ""]


def test_an_exception_without_a_value_is_shown_by_the_log_message_or_by_its_type() -> None:
    assert (
        report_of(exception={"type": "NullPointerException", "value": " "}).message == "NullPointerException"
    )
    assert report_of(exception={"type": "E"}, message="while paying").message == "while paying"


def test_frames_keep_their_order_and_what_they_say() -> None:
    found = exceptions_of({**ONE, "stacktrace": stack("outer", "inner")})
    assert found[0].frames == [Frame(function="outer"), Frame(function="inner")]


@pytest.mark.parametrize(
    "stacktrace",
    [
        None,
        {},
        {"frames": None},
        {"frames": []},
        {"frames": [None, {}, 7]},
        {"frames": {"a": 1}},
        7,
        [],
        [[]],
    ],
)
def test_an_exception_may_have_no_frames(stacktrace: Any) -> None:
    assert exceptions_of({**ONE, "stacktrace": stacktrace}) == [ExceptionInfo(**ONE)]


def frame_of(**fields: Any) -> Frame:
    return exceptions_of({**ONE, "stacktrace": {"frames": [fields]}})[0].frames[0]


def test_a_native_frame_is_told_by_its_library_and_keeps_its_address_out_of_the_name() -> None:
    assert frame_of(instruction_addr="0x1f", package="/lib/libc.so") == Frame(
        module="/lib/libc.so", vars={"instruction_addr": "0x1f"}
    )
    assert frame_of(instruction_addr="0x1f", symbol="abort", package="libc") == Frame(
        function="abort", module="libc"
    )
    assert frame_of(raw_function="_ZN1a", module="a", package="b") == Frame(function="_ZN1a", module="a")


def test_odd_values_in_a_frame_are_left_out() -> None:
    frame = frame_of(
        function={},
        lineno="17",
        colno=3.0,
        in_app="yes",
        context_line=7,
        pre_context="x",
        post_context=[1, None],
        vars=7,
        filename=7,
    )
    assert frame == Frame(lineno=17, colno=3, filename="7", post_context=["1", ""])


@pytest.mark.parametrize("number", [-1, 2**31, 10**30, "1" * 11, "-1", "²", True, 1.5, {}, None])
def test_a_line_number_that_is_none_is_left_out(number: Any) -> None:
    assert frame_of(function="f", lineno=number).lineno is None


def test_the_stack_before_source_maps_is_used_where_there_is_no_other() -> None:
    assert functions_of(exception={**ONE, "raw_stacktrace": stack("a")}) == ["a"]
    assert functions_of(exception={**ONE, "raw_stacktrace": stack("a"), "stacktrace": stack("b")}) == ["b"]


@pytest.mark.parametrize("form", [stack("a", "b"), stack("a", "b")["frames"]], ids=["object", "list"])
def test_a_stack_without_an_exception_is_kept(form: Any) -> None:
    report = report_of(stacktrace=form, message="boom")
    assert (report.type, report.message) == ("", "boom")
    assert functions_of(stacktrace=form) == ["a", "b"]


def test_a_stack_that_stands_apart_belongs_to_what_was_raised_last() -> None:
    found = exceptions_of([{"type": "Cause"}, {"type": "Raised"}], stacktrace=stack("a"))
    assert [(one.type, len(one.frames)) for one in found] == [("Raised", 1), ("Cause", 0)]


def test_a_stack_that_stands_apart_is_not_used_beside_an_exceptions_own() -> None:
    raised = {**ONE, "stacktrace": stack("own")}
    threads = [{"id": 1, "crashed": True, "stacktrace": stack("thread")}]
    assert functions_of(exception=raised, stacktrace=stack("apart"), threads=threads) == ["own"]


@pytest.mark.parametrize(
    ("threads", "function"),
    [
        ([{"id": 1, "current": True}, {"id": 2, "crashed": True}, {"id": 3}], "2"),
        ([{"id": 1}, {"id": 2, "crashed": False, "current": True}], "2"),
        ([{"id": 1}], "1"),
        ([None, 7, {"id": 1, "crashed": True}], "1"),
        ([{"id": 1, "crashed": True}, {"id": 7}], "7"),
    ],
    ids=["crashed", "current", "only", "odd", "exception's"],
)
def test_the_thread_that_failed_gives_the_stack(threads: list[Any], function: str) -> None:
    for thread in threads:
        if isinstance(thread, dict):
            thread |= {"name": "worker", "stacktrace": stack(str(thread["id"]))}
    report = report_of(exception={**ONE, "thread_id": 7}, threads={"values": threads}, contexts=None)
    assert [frame.function for frame in report.exceptions[0].frames] == [function]
    assert report.contexts["thread"]["name"] == "worker"
    assert "threads" not in report.metadata


def test_of_several_threads_none_is_guessed() -> None:
    threads = [{"id": 1, "stacktrace": stack("a")}, {"id": 2, "stacktrace": stack("b")}]
    assert report_of(threads=threads).exceptions == []


def test_a_context_of_the_clients_own_is_not_overwritten() -> None:
    contexts = {"thread": {"own": 1}, "mechanism": {"own": 2}}
    raised = {**ONE, "mechanism": {"type": "generic"}}
    assert report_of(exception=raised, threads=[{"id": 1}], contexts=contexts).contexts == contexts


def test_a_template_is_a_frame_where_there_is_no_other() -> None:
    template = {"filename": "pay.html", "abs_path": "/t/pay.html", "lineno": 3, "context_line": "{{ price }}"}
    report = report_of(exception=ONE, template=template)
    assert report.exceptions[0].frames == [Frame(**template)]
    assert report.metadata == {}


@pytest.mark.parametrize(
    "event",
    [
        {"exception": {**ONE, "stacktrace": "Traceback …\n  at a"}},
        {"stacktrace": "Traceback …\n  at a", "message": "boom"},
    ],
    ids=["exception's", "apart"],
)
def test_a_stack_that_is_a_text_is_kept_as_one(event: dict[str, Any]) -> None:
    assert report_of(**event).stack == "Traceback …\n  at a"


@pytest.mark.parametrize("count", [256, 257, 512, 513, 5_000])
def test_the_ends_of_a_long_stack_are_kept_and_its_length_is_said(count: int) -> None:
    report = report_of(exception={**ONE, "stacktrace": stack(*map(str, range(count)))})
    kept = [int(frame.function) for frame in report.exceptions[0].frames]
    assert kept == [*range(128), *range(count - 128, count)]
    assert report.truncated == ({"exceptions[].frames": count} if count > 256 else {})
