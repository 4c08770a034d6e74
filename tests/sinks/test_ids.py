"""Whatever kind of sink it is: a message names the issue and the report, also where there is no link."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest

from avalon.sinks import Message, embeds, mattermost, slack, webhook
from avalon.sinks.mail import compose
from tests.sinks.messages import ID, a_digest, a_line, a_target, an_alert

ISSUE = UUID("0195f3aa-0000-7000-8000-000000000017")


def mail(message: Message) -> list[str]:
    found = compose(message, a_target("email", recipients=["a@example.org"]), "b@example.org", None)
    return [" ".join(part.get_content().split()) for part in found.iter_parts()]


def body(payload: Callable[[Message], object]) -> Callable[[Message], list[str]]:
    return lambda message: [msgspec.json.encode(payload(message)).decode()]


SHOWN: dict[str, Callable[[Message], list[str]]] = {
    "discord": body(embeds.payload),
    "slack": body(slack.payload),
    "mattermost": body(mattermost.payload),
    "webhook": body(webhook.payload),
    "email": mail,
}


@pytest.mark.parametrize("kind", SHOWN)
def test_an_alert_names_its_issue_and_its_report(kind: str) -> None:
    for text in SHOWN[kind](an_alert(url=None, issue=ISSUE)):
        assert str(ISSUE) in text and str(ID) in text


@pytest.mark.parametrize("kind", SHOWN)
def test_a_digest_names_its_issues(kind: str) -> None:
    for text in SHOWN[kind](a_digest([a_line(issue=ISSUE)])):
        assert str(ISSUE) in text
