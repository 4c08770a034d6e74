"""Mattermost: whatever a report holds it takes the message and calls nobody; what its answers mean."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import example, given, settings

from avalon.errors import MessageRefused, TransportError
from avalon.events import LEVELS
from avalon.sinks.http import HttpClient
from avalon.sinks.mattermost import GONE, MattermostSink, payload
from tests.sinks.fake_http import FakeHooks, Said
from tests.sinks.mattermost_rules import answer, refusals
from tests.sinks.messages import NASTY, TRAPS, a_digest, a_line, a_note, a_target, an_alert, with_everywhere


@pytest.fixture
async def mattermost() -> AsyncIterator[FakeHooks]:
    async with FakeHooks(refusals, refuse=answer) as found:
        yield found


@pytest.fixture
async def sink(mattermost: FakeHooks) -> AsyncIterator[MattermostSink]:
    async with HttpClient(frozenset({mattermost.host})) as client:
        yield MattermostSink(a_target("mattermost", mattermost.url()), client)


@settings(max_examples=150, deadline=None)
@given(NASTY)
@example(TRAPS[0])
@example(TRAPS[1])
@example("\\" * 9000)
@example("😀" * 9000)
@example("`" * 9000)
@example("\ud800\x00\u202e")
@example("")
def test_mattermost_takes_whatever_a_report_holds_and_calls_nobody(text: str) -> None:
    for message in with_everywhere(text):
        assert refusals(msgspec.json.encode(payload(message))) == []


def test_the_rules_would_notice_names_that_are_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avalon.sinks.mattermost._break", str)
    for text, wrong in (("@all", "calls people"), ("<!channel>", "a mark of Slack's")):
        assert wrong in refusals(msgspec.json.encode(payload(an_alert(message=text, stack=text))))


async def test_every_sort_of_message_is_taken(mattermost: FakeHooks, sink: MattermostSink) -> None:
    for level in LEVELS:
        await sink.send(an_alert(level=level, stack="Error: boom\n  at f (a.js:1)"))
    await sink.send(an_alert(what="issue.opened"))
    for message in (a_digest([a_line(title="x" * 200, count=n) for n in range(500)]), a_note()):
        await sink.send(message)
    assert (len(mattermost.accepted), mattermost.errors) == (len(LEVELS) + 3, [])
    first = mattermost.accepted[0].json["attachments"][0]
    assert first["text"] == "boom\n\n```\nError: boom\n  at f (a.js:1)\n```"
    assert first["title"] == "🐛 DEBUG · api"
    assert mattermost.accepted[len(LEVELS)].json["attachments"][0]["title"] == "🚨 NEW ISSUE · api"


def test_what_markdown_would_read_stands_as_it_is() -> None:
    (attachment,) = payload(an_alert(message="*a* ![x](http://evil.example/x.png)"))["attachments"]
    assert attachment["text"] == "\\*a\\* \\!\\[x\\]\\(http://evil\\.example/x\\.png\\)"


@pytest.mark.parametrize("name", GONE)
async def test_what_is_gone_is_gone_for_good(mattermost: FakeHooks, sink: MattermostSink, name: str) -> None:
    mattermost.answer_with(Said(400, f'{{"id": "{name}", "message": "secret", "status_code": 400}}'))
    with pytest.raises(TransportError) as gone:
        await sink.send(an_alert())
    assert gone.value.permanent
    assert gone.value.message == f"Mattermost answered 400 ({name}): {GONE[name]}"


@pytest.mark.parametrize(
    "said",
    [Said(404), Said(403, "<html>"), Said(500, '{"id": 7}'), Said(302), Said(503)],
    ids=lambda said: str(said.status),
)
async def test_what_somebody_else_answered_may_pass(
    mattermost: FakeHooks, sink: MattermostSink, said: Said
) -> None:
    mattermost.answer_with(said)
    with pytest.raises(TransportError) as failed:
        await sink.send(an_alert())
    assert not failed.value.permanent and not isinstance(failed.value, MessageRefused)


async def test_a_429_says_how_long_and_a_400_is_about_this_message_alone(
    mattermost: FakeHooks, sink: MattermostSink
) -> None:
    mattermost.answer_with(Said(429, headers={"Retry-After": "7"}), answer(["too long"]))
    with pytest.raises(TransportError) as over:
        await sink.send(an_alert())
    assert over.value.retry_after_s == 7
    with pytest.raises(MessageRefused):
        await sink.send(an_alert())
    await sink.send(an_alert())
