"""Feedback and client reports whose fields hold whatever JSON can are read as far as they make sense."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.drops import MAX_QUANTITY, Drops
from avalon.errors import BadInput
from avalon.protocols.sentry.client_report import read_client_report
from avalon.protocols.sentry.feedback import Sent, decode_feedback, decode_form, decode_user_report
from avalon.protocols.submission import NO_TERMS, Terms
from avalon.reports import Privacy
from tests.database.test_drops import a_key
from tests.protocols.test_avalon_fuzz import check_submission, texts, values
from tests.storable import assert_storable

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
said = st.one_of(values, st.just("words"))
contexts = st.fixed_dictionaries(
    {"message": said},
    optional={
        name: said for name in ("name", "contact_email", "url", "associated_event_id", "source", "replay_id")
    },
)
events = st.fixed_dictionaries(
    {"contexts": st.one_of(values, st.fixed_dictionaries({"feedback": st.one_of(values, contexts)}))},
    optional={
        name: values for name in ("event_id", "user", "tags", "request", "exception", "level", "timestamp")
    },
)
user_reports = st.fixed_dictionaries(
    {"comments": said}, optional={name: said for name in ("event_id", "name", "email")}
)
rows = st.fixed_dictionaries({}, optional={name: values for name in ("reason", "category", "quantity")})
lists = st.one_of(values, st.lists(rows, max_size=3))
client_reports = st.fixed_dictionaries(
    {}, optional={name: lists for name in ("discarded_events", "rate_limited_events", "filtered_events")}
)


def check(sent: Sent) -> None:
    feedback = sent.feedback
    assert feedback.text.strip()
    assert_storable(json.dumps([feedback.text, feedback.name, feedback.email]).encode())
    assert max(map(len, (feedback.text, feedback.name, feedback.email))) <= 4_096
    submission = sent.submission("shop", NO_TERMS)
    check_submission(submission)
    report = submission.report
    assert (submission.level, report.type, report.message) == ("info", "User feedback", feedback.text)
    assert submission.id == sent.submission("shop", NO_TERMS).id


@given(events, st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_feedback_item(event: Any, escaped: bool) -> None:
    body = json.dumps(event, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    try:
        check(decode_feedback(body, NO_TERMS))
    except BadInput as error:
        assert error.message


@given(user_reports)
@settings(max_examples=100, deadline=None)
def test_a_user_report(report: Any) -> None:
    try:
        check(decode_user_report(json.dumps(report).encode(), NO_TERMS))
    except BadInput as error:
        assert error.message


@given(st.binary(max_size=60), texts)
@settings(max_examples=100, deadline=None)
def test_a_form(body: bytes, event_id: str) -> None:
    for form in (body, b"comments=" + body):
        try:
            check(decode_form(form, event_id, NO_TERMS))
        except BadInput as error:
            assert error.message


@given(st.one_of(values, client_reports))
@settings(max_examples=150, deadline=None)
def test_a_client_report(report: Any) -> None:
    drops = Drops(None)  # type: ignore[arg-type]
    try:
        found = read_client_report(json.dumps(report).encode())
    except BadInput as error:
        assert error.message
        return
    for row in found:
        drops.add(a_key(), by="sdk", reason=row.reason, category=row.category, quantity=row.quantity)
    counts = drops._counts.get(a_key().id, {})
    assert_storable(json.dumps([[*name] for name in counts]).encode())
    assert all(0 < quantity <= MAX_QUANTITY * len(found) for quantity in counts.values())


def test_the_fuzz_does_not_only_meet_what_is_refused() -> None:
    """The control: whole feedback goes through all of it."""
    context = {"message": "words", "name": "Jane", "associated_event_id": ID}
    sent = decode_feedback(json.dumps({"contexts": {"feedback": context}}).encode(), NO_TERMS)
    check(sent)
    assert (sent.feedback.name, sent.feedback.report) == ("Jane", UUID(ID))


def test_a_form_of_many_fields_is_refused() -> None:
    with pytest.raises(BadInput):
        decode_form(b"a=b&" * 5_000 + b"comments=x", ID, NO_TERMS)


def test_what_a_key_scrubs_is_scrubbed_of_feedback() -> None:
    terms = Terms(privacy=Privacy(["email"], drop_ip_addresses=True))
    report = {"event_id": ID, "comments": "from 192.168.7.31", "name": "Jane", "email": "jane@example.org"}
    feedback = decode_user_report(json.dumps(report).encode(), terms).feedback
    assert "192.168" not in feedback.text
    assert (feedback.name, feedback.email) == ("Jane", "[Filtered]")
