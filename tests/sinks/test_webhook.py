"""Webhooks of anybody's: the shape of the JSON, and a signature that the README's receiver can check."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given, settings

from avalon.errors import BadInput, MessageRefused, TransportError
from avalon.sinks import Counts
from avalon.sinks.http import HttpClient
from avalon.sinks.webhook import WebhookSink, check_secret, new_secret, payload, signature_headers
from tests.acceptance.readme import the_block
from tests.sinks.fake_http import FakeHooks, Said
from tests.sinks.messages import (
    ID,
    NASTY,
    TRAPS,
    a_digest,
    a_line,
    a_note,
    a_target,
    an_alert,
    with_everywhere,
)

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture
async def receiver() -> AsyncIterator[FakeHooks]:
    async with FakeHooks() as found:
        yield found


@pytest.fixture
async def sink(receiver: FakeHooks) -> AsyncIterator[WebhookSink]:
    async with HttpClient(frozenset({receiver.host})) as client:
        yield WebhookSink(a_target("webhook", receiver.url(), secret=SECRET), client)


@pytest.fixture(scope="module")
def is_from_avalon() -> Callable[..., bool]:
    """The README's function."""
    namespace: dict[str, Any] = {}
    exec(the_block("python", "def is_from_avalon"), namespace)
    found: Callable[..., bool] = namespace["is_from_avalon"]
    return found


async def test_the_readmes_receiver_believes_what_was_sent_and_nothing_else(
    sink: WebhookSink, receiver: FakeHooks, is_from_avalon: Callable[..., bool]
) -> None:
    await sink.send(an_alert(message="bôom"))
    (got,) = receiver.accepted
    assert is_from_avalon(SECRET, got.headers, got.body)
    assert not is_from_avalon(SECRET, got.headers, got.body + b" ")
    assert not is_from_avalon(new_secret(), got.headers, got.body)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert not is_from_avalon(SECRET, got.headers | {name: "17"}, got.body)
        assert not is_from_avalon(SECRET, {k: v for k, v in got.headers.items() if k != name}, got.body)


def test_the_readmes_receiver_refuses_a_replay(is_from_avalon: Callable[..., bool]) -> None:
    for age_s, is_fresh in ((0, True), (250, True), (400, False), (-400, False)):
        signed = signature_headers(SECRET, "x", int(time.time()) - age_s, b"{}")
        assert is_from_avalon(SECRET, signed, b"{}") is is_fresh


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    signed = signature_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_second_try_has_the_same_id(sink: WebhookSink, receiver: FakeHooks) -> None:
    receiver.answer_with(Said(500))
    with pytest.raises(TransportError):
        await sink.send(an_alert())
    await sink.send(an_alert())
    await sink.send(an_alert(position=43))
    ids = [got.headers["webhook-id"] for got in receiver.requests]
    assert ids[0] == ids[1] == f"error.reported-42-{UUID(int=5)}" and ids[2] != ids[0]


def test_the_shape_of_an_alert_is_stable() -> None:
    alert = an_alert(
        what="issue.passed",
        reason="500 events within an hour",
        counts=Counts(events=500, users=12),
        culprit="checkout",
        type="TypeError",
        path="/api/users",
        method="GET",
        stack="Error: boom\n  at f",
        environment="prod",
    )
    assert msgspec.json.decode(msgspec.json.encode(payload(alert))) == {
        "type": "issue.passed",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {
            "position": 42,
            "reason": "500 events within an hour",
            "service": "api",
            "level": "critical",
            "environment": "prod",
            "release": None,
            "issue": {"id": str(UUID(int=8)), "title": "boom", "culprit": "checkout"},
            "counts": {"events": 500, "users": 12},
            "report": {
                "id": str(ID),
                "message": "boom",
                "type": "TypeError",
                "method": "GET",
                "path": "/api/users",
                "stack": "Error: boom\n  at f",
                "occurred_at": "2026-11-22T12:00:00Z",
            },
            "url": f"https://avalon.example.org/errors/{ID}",
        },
    }


def test_the_shape_of_a_digest_is_stable_and_its_counts_are_exact() -> None:
    digest = a_digest([a_line(count=200 - n, report=ID) for n in range(150)])
    found = msgspec.json.decode(msgspec.json.encode(payload(digest)))
    assert (found["type"], found["data"]["reports"], len(found["data"]["issues"])) == (
        "digest",
        digest.reports,
        100,
    )
    assert found["data"]["issues"][0] == {
        "id": str(ID),
        "title": "boom",
        "service": "api",
        "level": "fatal",
        "reports": 200,
        "latest_report": str(ID),
        "url": None,
    }
    told = sum(issue["reports"] for issue in found["data"]["issues"])
    assert (found["data"]["more_issues"], told + found["data"]["more_reports"]) == (50, digest.reports)
    assert payload(a_note())["type"] == "test"


@settings(max_examples=80, deadline=None)
@given(NASTY)
@example(TRAPS[0])
@example("\ud800\x00")
@example("😀" * 60_000)
@example("\x01" * 60_000)
def test_a_body_is_json_of_a_bounded_length_whatever_a_report_holds(text: str) -> None:
    for message in with_everywhere(text):
        body = msgspec.json.encode(payload(message))
        assert len(body) < 250_000
        msgspec.json.decode(body)


@pytest.mark.parametrize(
    ("status", "permanent", "refused"),
    [(410, True, False), (400, False, True), (413, False, True), (422, False, True)]
    + [(status, False, False) for status in (401, 403, 404, 307, 500)],
)
async def test_an_answer_is_for_good_for_this_message_or_for_now(
    sink: WebhookSink, receiver: FakeHooks, status: int, permanent: bool, refused: bool
) -> None:
    receiver.answer_with(Said(status, "secret words", {"Location": receiver.url("/inside")}))
    with pytest.raises(TransportError) as failed:
        await sink.send(an_alert())
    assert (failed.value.permanent, isinstance(failed.value, MessageRefused)) == (permanent, refused)
    assert "secret" not in failed.value.message and len(receiver.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_says_how_long_it_wants_to_be_left_alone(
    sink: WebhookSink, receiver: FakeHooks, status: int
) -> None:
    receiver.answer_with(Said(status, headers={"Retry-After": "120"}))
    with pytest.raises(TransportError) as over:
        await sink.send(an_alert())
    assert over.value.retry_after_s == 120


@pytest.mark.parametrize(
    "answer", [Said(200), Said(204), Said(202, "x" * 100_000)], ids=lambda a: str(a.status)
)
async def test_any_2xx_is_a_yes(sink: WebhookSink, receiver: FakeHooks, answer: Said) -> None:
    receiver.answer_with(answer)
    assert (await sink.send(an_alert())).answer == answer.status


def test_a_secret_is_long_and_random_or_refused() -> None:
    check_secret(new_secret())
    assert new_secret() != new_secret()
    for wrong in ("", "hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_!" + "a" * 40, SECRET + "\n", "k" * 40):
        with pytest.raises(BadInput) as refused:
            check_secret(wrong)
        assert refused.value.field == "secret" and (len(wrong) < 7 or wrong not in str(refused.value))
