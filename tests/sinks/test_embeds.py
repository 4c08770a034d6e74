"""Embeds: whatever a report holds, Discord takes the message, and nobody is called by it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avalon.events import LEVELS
from avalon.sinks import Message, Note
from avalon.sinks.embeds import payload
from avalon.sinks.markdown import fence, quote
from avalon.sinks.text import units
from avalon.sinks.words import COLOURS
from tests.sinks.discord_rules import refusals
from tests.sinks.messages import ID, NASTY, a_digest, a_line, an_alert


def embed(message: Message) -> dict[str, Any]:
    body = payload(message)
    assert refusals(msgspec.json.encode(body)) == []
    found: dict[str, Any] = body["embeds"][0]
    return found


def fields(message: Message) -> dict[str, str]:
    return {field["name"]: field["value"] for field in embed(message)["fields"]}


@settings(max_examples=150, deadline=None)
@given(st.lists(NASTY, min_size=8, max_size=8), st.sampled_from(LEVELS))
@example(["`" * 20_000] * 8, "critical")
@example(["😀" * 20_000] * 8, "fatal")
@example(["\\" * 20_000] * 8, "fatal")
@example(["\ud800\x00\u202e"] * 8, "error")
@example([""] * 8, "debug")
@example([" \n\t\u200b"] * 8, "debug")
def test_discord_takes_whatever_a_report_holds(texts: list[str], level: str) -> None:
    names = ("message", "stack", "path", "method", "type", "environment", "release", "service")
    embed(an_alert(level=level, **dict(zip(names, texts, strict=True))))
    embed(a_digest([a_line(title=text, service=text, level=level) for text in texts]))
    embed(Note(key="test", title=texts[0], text=texts[1]))


@given(st.text(alphabet="`ab\n", max_size=200), st.integers(20, 120))
def test_a_stack_never_leaves_its_fence(stack: str, limit: int) -> None:
    fenced = fence(stack, limit)
    assert units(fenced) <= limit
    assert fenced.startswith("```\n") and fenced.endswith("\n```")
    assert "``" not in fenced[4:-4]


@given(NASTY, st.integers(2, 300))
def test_a_quoted_text_is_escaped_and_fits(text: str, limit: int) -> None:
    quoted = quote(text, max(limit, 10))
    assert units(quoted) <= max(limit, 10)
    assert not quoted.endswith("\\") or quoted.endswith("\\\\")


def test_an_alert_says_what_the_seed_said() -> None:
    alert = an_alert(
        path="/api/users", method="GET", stack="Error: boom\n    at f (a.js:1)", type="TypeError"
    )
    found = embed(alert)
    assert found["title"] == "🚨 CRITICAL · api"
    assert found["color"] == 0xDC143C
    assert found["url"] == f"https://avalon.example.org/errors/{ID}"
    assert found["description"] == "boom\n```\nError: boom\n    at f (a.js:1)\n```"
    assert found["footer"] == {"text": f"Avalon · position 42 · issue {UUID(int=8)} · report {ID}"}
    assert fields(alert) == {
        "Service": "api",
        "Level": "critical",
        "Type": "TypeError",
        "Path": "GET /api/users",
        "ID": f"`{ID}`",
        "Link": f"https://avalon.example.org/errors/{ID}",
    }


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_its_colour_and_emoji(level: str) -> None:
    found = embed(an_alert(level=level))
    assert found["color"] == COLOURS[level]
    assert level.upper() in found["title"] and not found["title"].startswith(level.upper())


def test_markdown_and_mentions_of_a_client_are_only_text() -> None:
    description = embed(an_alert(message="**@everyone** [x](http://evil.example) <@1> `code`\n- a\n1. b"))[
        "description"
    ]
    assert description == (
        "\\*\\*\\@everyone\\*\\* \\[x\\]\\(http://evil.example\\) \\<\\@1\\> \\`code\\`\n\\- a\n1\\. b"
    )


def test_a_host_that_discord_refuses_is_no_link_but_can_be_read() -> None:
    alert = an_alert(url=f"http://localhost:4000/errors/{ID}")
    assert "url" not in embed(alert)
    assert fields(alert)["Link"] == f"http://localhost:4000/errors/{ID}"


def test_a_long_stack_keeps_both_its_ends() -> None:
    stack = "first\n" + "frame\n" * 5000 + "last"
    description = embed(an_alert(stack=stack))["description"]
    assert "first" in description and description.endswith("last\n```") and "…" in description


def test_a_digest_counts_every_report_also_those_it_has_no_room_for() -> None:
    digest = a_digest([a_line(title="x" * 100, count=1000 - n) for n in range(500)])
    found = embed(digest)
    assert found["title"] == f"📊 {digest.reports} reports of 500 issues held back"
    assert fields(digest)["Reports"] == str(digest.reports)
    *shown, rest = found["description"].split("\n")
    counts = [int(line.split("**")[1]) for line in shown]
    assert rest == f"… and {500 - len(shown)} more issues with {digest.reports - sum(counts)} reports"
    assert found["footer"] == {"text": "Avalon · positions 1–9"}
