"""Slack: whatever a report holds it takes the message and calls nobody; what its answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import example, given, settings

from avalon.errors import MessageRefused, TransportError
from avalon.events import LEVELS
from avalon.sinks import Counts
from avalon.sinks.http import HttpClient
from avalon.sinks.slack import GONE, SlackSink, payload
from tests.sinks.fake_http import FakeHooks, Said
from tests.sinks.messages import NASTY, TRAPS, a_digest, a_line, a_note, a_target, an_alert, with_everywhere
from tests.sinks.slack_rules import refusals


@pytest.fixture
async def slack() -> AsyncIterator[FakeHooks]:
    async with FakeHooks(refusals) as found:
        yield found


@pytest.fixture
async def sink(slack: FakeHooks) -> AsyncIterator[SlackSink]:
    async with HttpClient(frozenset({slack.host})) as client:
        yield SlackSink(a_target("slack", slack.url("/services/T1/B1/secret")), client)


@settings(max_examples=150, deadline=None)
@given(NASTY)
@example(TRAPS[0])
@example(TRAPS[1])
@example("&" * 9000)
@example("😀" * 9000)
@example("`" * 9000)
@example("\ud800\x00\u202e")
@example("")
def test_slack_takes_whatever_a_report_holds_and_calls_nobody(text: str) -> None:
    for message in with_everywhere(text):
        assert refusals(msgspec.json.encode(payload(message))) == []


def test_the_rules_would_notice_what_is_not_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avalon.sinks.slack._ENTITIES", {})
    body = msgspec.json.encode(payload(an_alert(message="<!channel>", stack="<!here>")))
    assert "text: a link or a mention" in refusals(body)


async def test_every_sort_of_message_is_taken(slack: FakeHooks, sink: SlackSink) -> None:
    for level in LEVELS:
        await sink.send(an_alert(level=level, stack="Error: boom\n  at f (a.js:1)"))
    counts = Counts(events=500, users=12)
    await sink.send(an_alert(what="issue.passed", reason="500 events within an hour", counts=counts))
    for message in (a_digest([a_line(title="x" * 200, count=n) for n in range(500)]), a_note()):
        await sink.send(message)
    assert (len(slack.accepted), slack.errors) == (len(LEVELS) + 3, [])
    passed = slack.accepted[len(LEVELS)].json["attachments"][0]
    fields = [field["text"] for field in passed["blocks"][2]["fields"]]
    assert "*Why*\n`500 events within an hour`" in fields
    assert "*Events*\n`500`" in fields and "*Users*\n`12`" in fields
    assert passed["color"] == "#DC143C"


@pytest.mark.parametrize(
    ("said", "permanent"),
    [
        *((Said(status, word), True) for status, word in zip([403, 404, 410] * 4, GONE, strict=False)),
        (Said(404), True),
        (Said(403, "<html>a proxy's</html>"), False),
        (Said(500, "rollup_error"), False),
        (Said(302, headers={"Location": "http://127.0.0.1/"}), False),
    ],
    ids=lambda value: f"{value.status}-{value.body[:12]}" if isinstance(value, Said) else "",
)
async def test_an_answer_is_for_good_or_for_now(
    slack: FakeHooks, sink: SlackSink, said: Said, permanent: bool
) -> None:
    slack.answer_with(said)
    with pytest.raises(TransportError) as failed:
        await sink.send(an_alert())
    assert (failed.value.permanent, failed.value.answer) == (permanent, said.status)
    assert not isinstance(failed.value, MessageRefused)
    assert "html" not in failed.value.message and len(slack.requests) == 1


async def test_a_429_says_how_long(slack: FakeHooks, sink: SlackSink) -> None:
    slack.answer_with(Said(429, "rate_limited", {"Retry-After": "30"}))
    with pytest.raises(TransportError) as over:
        await sink.send(an_alert())
    assert (over.value.retry_after_s, over.value.permanent) == (30, False)


async def test_a_400_is_about_this_message_alone(slack: FakeHooks, sink: SlackSink) -> None:
    slack.answer_with(Said(400, "invalid_payload"))
    with pytest.raises(MessageRefused):
        await sink.send(an_alert())
    await sink.send(an_alert())
