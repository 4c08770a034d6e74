"""Shapes that other trackers are known to have failed at: each is taken as far as it makes sense.

Most are what PHP, .NET and hand-written clients make of the protocol; some are of the trackers' own issues:
https://github.com/bugsink/bugsink/issues/76 and /383, https://github.com/getsentry/relay/issues/4207.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from avalon.protocols.sentry import decode_event
from avalon.protocols.submission import Submission
from avalon.reports import Report, encode_report
from tests.protocols.sentry_events import decode, full_event, report_of
from tests.protocols.test_avalon_fuzz import check_submission

WHOLE = decode(**full_event())
FRAME = {"function": "f", "lineno": 1}
PARTS = tuple(name for name in Report.__struct_fields__ if name not in ("grouping", "metadata", "truncated"))


def with_odd(**fields: Any) -> Submission:
    """A full event with these fields instead of its own; it can be stored."""
    submission = decode(**{**full_event(), **fields})
    check_submission(submission)
    return submission


def changed_parts(submission: Submission) -> set[str]:
    """What of the report is not as it would be without the odd field."""
    report, whole = submission.report, WHOLE.report
    changed = {name for name in PARTS if getattr(report, name) != getattr(whole, name)}
    lost = {name for name in whole.metadata if report.metadata.get(name) != whole.metadata[name]}
    return changed | {f"metadata.{name}" for name in lost}


# The field, what it holds, what of the report may differ by it, and where what it holds is found.
ODD: list[tuple[str, Any, set[str], dict[str, Any]]] = [
    ("release", 2026, set(), {"release": "2026"}),
    ("release", 1.4, set(), {"release": "1.4"}),
    ("release", ["1.4"], set(), {"release": None, "metadata.release": ["1.4"]}),
    ("release", None, set(), {"release": None}),
    ("environment", None, set(), {"environment": None}),
    ("environment", 7, set(), {"environment": "7"}),
    ("environment", {"name": "prod"}, set(), {"environment": None, "metadata.environment": {"name": "prod"}}),
    ("level", 50, set(), {"level": "fatal"}),
    ("level", 50.0, {"tags"}, {"level": "error", "tags.level": "50.0"}),
    ("level", ["error"], set(), {"level": "error"}),
    ("platform", None, {"platform"}, {"platform": ""}),
    ("platform", ["python"], {"platform"}, {"platform": "", "metadata.platform": ["python"]}),
    ("event_id", 17, set(), {"id": None, "metadata.event_id": "17"}),
    ("event_id", None, set(), {"id": None}),
    ("timestamp", "2026-11-02 10:11:12", set(), {}),
    ("timestamp", "1793614272.5", set(), {}),
    ("timestamp", 1793614272500, set(), {}),
    ("timestamp", 10**40, set(), {"occurred_at": None}),
    ("timestamp", [2026, 11, 2], set(), {"occurred_at": None, "metadata.timestamp": [2026, 11, 2]}),
    ("timestamp", {}, set(), {"occurred_at": None}),
    ("fingerprint", [1, None, "a", ["b"]], {"fingerprint"}, {"fingerprint": ["1", "a"]}),
    ("fingerprint", {"a": 1}, {"fingerprint"}, {}),
    ("tags", [["a", None], ["b", 1], None], {"tags"}, {"tags.b": "1"}),
    ("tags", {"a": None, "b": ["x"], "c": 2**70}, {"tags"}, {"metadata.tags": {"b": ["x"]}}),
    ("tags", "a:b", {"tags"}, {}),
    ("tags", [["a", "b", "c"], {"key": 1, "value": 2}], {"tags"}, {}),
    ("user", {"id": {"$oid": "abc"}, "email": "a@b.c"}, {"user"}, {"user.email": "a@b.c"}),
    ("user", {"id": ["abc"]}, {"user"}, {"metadata.user": {"id": ["abc"]}}),
    ("user", {"email": False, "username": 0}, {"user"}, {"user": {"email": "false", "username": "0"}}),
    ("user", ["ann"], {"user"}, {"metadata.user": ["ann"]}),
    ("user", [], {"user"}, {"user": {}}),
    ("breadcrumbs", {"values": None}, {"breadcrumbs"}, {"breadcrumbs": []}),
    ("breadcrumbs", [None, {"message": None}], {"breadcrumbs"}, {"breadcrumbs": [{"message": None}]}),
    ("breadcrumbs", {"0": {"message": "a"}, "2": {"message": "b"}}, {"breadcrumbs"}, {}),
    ("contexts", "linux", {"contexts"}, {"metadata.contexts": "linux"}),
    ("contexts", {"os": "linux", "a": [1], "b": 7}, {"contexts"}, {"contexts.os": "linux"}),
    ("contexts", [], {"contexts"}, {}),
    ("extra", [], {"metadata.cart"}, {}),
    ("extra", "text", {"metadata.cart"}, {"metadata.extra": "text"}),
    ("modules", [["django", "5.2"]], {"metadata.modules"}, {"metadata.modules": [["django", "5.2"]]}),
    ("modules", [], {"metadata.modules"}, {"metadata.modules": []}),
    ("sdk", ["sentry.php"], {"sdk"}, {"sdk": None}),
    ("server_name", {"a": 1}, {"server_name"}, {"metadata.server_name": {"a": 1}}),
    ("transaction", 17, {"transaction", "metadata.culprit"}, {"transaction": "17"}),
    ("request", [], {"request", "path", "method"}, {}),
    ("request", {"data": [["a", "b"], ["password", "x"]]}, {"request", "path", "method"}, {}),
    ("request", {"headers": None, "url": 7}, {"request", "path", "method"}, {}),
    ("logentry", ["a"], {"metadata.logentry", "metadata.params"}, {}),
    ("logentry", {"message": {"a": 1}, "params": 7}, {"metadata.logentry", "metadata.params"}, {}),
    ("threads", {"values": None}, {"contexts"}, {}),
    ("threads", [None, "main"], {"contexts"}, {}),
    ("template", "pay.html", {"metadata.template"}, {"metadata.template": "pay.html"}),
    ("stacktrace", {"frames": None}, set(), {}),
]


@pytest.mark.parametrize(
    ("field", "value", "differs", "found"), ODD, ids=[f"{one[0]} {json.dumps(one[1])[:30]}" for one in ODD]
)
def test_an_odd_field_is_taken_and_its_neighbours_stay(
    field: str, value: Any, differs: set[str], found: dict[str, Any]
) -> None:
    submission = with_odd(**{field: value})
    assert changed_parts(submission) <= differs
    stored = json.loads(encode_report(submission.report))
    for place, expected in found.items():
        name, _, inner = place.partition(".")
        part = getattr(submission, name, stored.get(name, type(expected)() if expected is not None else None))
        assert (part[inner] if inner else part) == expected, place


def test_the_control_an_event_with_nothing_odd_changes_nothing() -> None:
    assert changed_parts(with_odd()) == set()


def test_lists_that_php_wrote_as_objects_keep_their_order() -> None:
    frames = {"0": {"function": "outer"}, "3": {"function": "inner"}}
    report = report_of(
        exception={"values": {"1": {"type": "E", "stacktrace": {"frames": frames}}}},
        breadcrumbs={"values": {"0": {"message": "a"}, "2": {"message": "b"}}},
    )
    assert [frame.function for frame in report.exceptions[0].frames] == ["outer", "inner"]
    assert [crumb["message"] for crumb in report.breadcrumbs] == ["a", "b"]


def test_an_objects_name_of_digits_alone_does_not_make_a_list() -> None:
    assert report_of(exception={"type": "E", "0": {}}).type == "E"


@pytest.mark.parametrize("frames", [None, [None, FRAME], [{}, FRAME], [[], 7, "f", FRAME], {"7": FRAME}])
def test_null_frames_spoil_no_others(frames: Any) -> None:
    exception = {"type": "E", "value": "v", "stacktrace": {"frames": frames}}
    report = report_of(exception=[exception])
    assert (report.type, report.message) == ("E", "v")
    assert [frame.function for frame in report.exceptions[0].frames] == (["f"] if frames else [])


@pytest.mark.parametrize(
    ("given", "kept"),
    [(["a", {"password": "x"}], {"0": "a", "1": {"password": "[Filtered]"}}), ([], {}), ("text", {})],
)
def test_variables_may_be_a_list(given: Any, kept: dict[str, Any]) -> None:
    frame = {**FRAME, "vars": given}
    assert report_of(exception={"type": "E", "stacktrace": [frame]}).exceptions[0].frames[0].vars == kept


def test_a_value_that_is_no_text_is_kept_beside_the_extra_ones() -> None:
    report = report_of(exception=[{"type": "E", "value": {"code": 1, "password": "x"}}, {"type": "F"}])
    assert [one.type for one in report.exceptions] == ["F", "E"]
    assert report.message == "E"
    assert report.metadata == {"exception_values": [{"code": 1, "password": "[Filtered]"}]}


@pytest.mark.parametrize(("of_exception", "of_thread"), [("7", 7), (7, "7"), (7, 7)])
def test_a_threads_id_may_be_a_number_and_a_text(of_exception: Any, of_thread: Any) -> None:
    threads = [
        {"id": 1, "crashed": True, "name": "main"},
        {"id": of_thread, "name": "worker", "stacktrace": [FRAME]},
    ]
    report = report_of(exception={"type": "E", "thread_id": of_exception}, threads=threads)
    assert report.contexts["thread"]["name"] == "worker"
    assert [frame.function for frame in report.exceptions[0].frames] == ["f"]


@pytest.mark.parametrize("text", [b"caf\xe9", b"\xff\xfe", b"\xed\xa0\x80", b"a\xc3"])
def test_bytes_that_are_no_utf_8_spoil_only_their_own_text(text: bytes) -> None:
    body = json.dumps(full_event()).encode().replace(b"could not pay", text)
    submission = decode_event(body)
    check_submission(submission)
    assert submission.report.exceptions[0].value.rstrip("\ufffd") in ("caf", "", "a")
    assert changed_parts(submission) == {"exceptions"}
