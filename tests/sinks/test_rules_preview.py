"""What a rule would have sent is what it sends: one history, told by the follower and by the preview."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon.errors import BadInput
from avalon.read_models.rows import as_time
from avalon.rules import Definition, of_levels
from avalon.subscriptions import pacing, past
from avalon.subscriptions.preview import Example, Preview, preview
from avalon.subscriptions.rehearsal import rehearse
from avalon.subscriptions.state import Bundle, Limits, Match, State
from tests.sinks.conftest import Stage, until
from tests.sinks.rules_help import a_quiet_sink, a_rule, decide, read_all

Owner = psycopg.AsyncConnection[Any]
MINUTES = 18
LIMITS = Limits()

RULES: dict[str, dict[str, Any]] = {
    "every": {"when": "reported", "pace_s": 60},
    "errors": {"when": "reported", "level": "error", "environments": ["prod"], "pace_s": 300},
    "released": {"when": "reported", "release": "1.*", "pace_s": 120},
    "opened": {"when": "opened", "services": ["api"]},
    "regressed": {"when": "regressed", "pace_s": 180},
    "events": {"when": "events", "threshold": 6, "window_s": 180, "pace_s": 120},
    "many": {"when": "events", "threshold": 5, "window_s": 300, "level": "error", "pace_s": 3600},
    "users": {"when": "users", "threshold": 3, "window_s": 120, "pace_s": 240},
    "searched": {"when": "reported", "q": "service:web", "pace_s": 60},
}


@pytest.fixture(autouse=True)
def saves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avalon.subscriptions.follower.CHECKPOINT_S", 0.0)


async def play(stage: Stage, owner: Owner, sinks: Sequence[UUID], start: float) -> None:
    """A quarter of an hour of four issues, minute by minute: bursts, pauses, a mute and what ends it."""
    random = Random(3)
    stage.clock.advance(start - stage.clock.now())
    for minute in range(MINUTES):
        at = start + 60 * minute
        await quiet(stage, sinks)
        if minute in (5, 10):
            await mute(stage, owner, at, is_muted=minute == 5)
        for issue in random.sample(range(1, 5), random.randint(0, 3)):
            for _ in range(random.randint(1, 6)):
                await stage.report(
                    issue,
                    service="web" if issue == 4 else "api",
                    level=random.choice(["info", "error", "fatal"]),
                    environment=random.choice(["prod", "dev"]),
                    release=random.choice(["1.4", "2.0"]),
                    occurred_at=datetime.fromtimestamp(at, UTC),
                    data=msgspec.Raw(b'{"message": "boom", "user": {"id": "%d"}}' % random.randint(1, 5)),
                )
        await quiet(stage, sinks)
        stage.clock.advance(60)
    await quiet(stage, sinks)


async def mute(stage: Stage, owner: Owner, at: float, *, is_muted: bool) -> None:
    before, after = ("unresolved", "ongoing"), ("ignored", "muted")
    was = dict(zip(("status", "substatus"), before if is_muted else after, strict=True))
    await decide(stage, "issue.muted" if is_muted else "issue.unmuted", 2, at=at, was=was)
    await owner.execute(
        "UPDATE projection.issue SET status = %s, substatus = %s WHERE id = %s",
        [*(after if is_muted else before), UUID(int=2)],
    )


async def quiet(stage: Stage, sinks: Sequence[UUID]) -> None:
    """Returns when every sink has read everything, and sent everything that is due."""
    for sink in sinks:
        await read_all(stage, sink)

    async def is_done() -> bool:
        query = "SELECT state FROM runtime.subscription"
        states = [msgspec.convert(r["state"], State) for r in await stage.database.fetch_dicts(query)]
        dues = [pacing.next_at(state, LIMITS) for state in states]
        return all(due is None or due > stage.clock.now() for due in dues)

    await until(is_done)


async def sent(stage: Stage, sink: UUID, number: int) -> list[Example]:
    """What the follower has told, in the preview's form; the times are Discord's."""
    times = [message.at for message in stage.discord.accepted if f"/{number}/" in message.webhook]
    facts = await stage.facts(sink, "alert.delivered")
    found = [
        Example(
            at=as_time(datetime.fromtimestamp(at, UTC)),
            kind=fact.data["kind"],
            issues=sorted(UUID(issue) for issue in fact.data["issues"]),
            title=None,
            reports=fact.data["reports"],
            why="",
        )
        for at, fact in zip(times, facts, strict=True)
    ]
    return in_order(found)


def shown(found: Preview) -> list[Example]:
    plain = {"title": None, "why": ""}
    return in_order(
        [msgspec.structs.replace(one, issues=sorted(one.issues), **plain) for one in found.examples]
    )


def in_order(examples: list[Example]) -> list[Example]:
    """Minutes don't know which of their issues came first."""
    return sorted(examples, key=lambda one: (one.at, one.kind, one.issues))


async def test_the_preview_of_each_rule_is_what_the_follower_sends(stage: Stage, owner: Owner) -> None:
    start = (int(time.time()) // 60 - 120) * 60.0
    sinks = {}
    for number, (name, fields) in enumerate(RULES.items(), 1):
        sink = sinks[name] = await a_quiet_sink(stage, url=stage.discord.webhook(number))
        await a_rule(stage, sink, name, **fields)
    stage.start()
    await play(stage, owner, list(sinks.values()), start)
    end = datetime.fromtimestamp(stage.clock.now(), UTC)
    for number, (name, sink) in enumerate(sinks.items(), 1):
        asked = Definition(**RULES[name])
        found = await preview(stage.database, asked, days=1, limits=LIMITS, now=end)
        suppressed = await stage.facts(sink, "alert.suppressed")
        reasons: dict[str, int] = {}
        for fact in suppressed:
            reasons[fact.data["reason"]] = reasons.get(fact.data["reason"], 0) + fact.data["count"]
        expected = await sent(stage, sink, number)
        assert expected, f"{name}: a history in which nothing is told shows nothing"
        assert shown(found) == expected[: len(found.examples)], name
        assert found.messages + found.digests == len(expected), name
        assert found.reasons == reasons, name
        assert sum(day.messages + day.digests for day in found.days) == len(expected), name
        other = msgspec.structs.replace(
            asked, level="critical", when="reported", threshold=None, window_s=None
        )
        unlike = await preview(stage.database, other, days=1, limits=LIMITS, now=end)
        assert shown(unlike) != expected, f"{name}: another rule would have sent something else"


@pytest.mark.parametrize("bound", ["MAX_FACTS", "MAX_MINUTES", "MAX_REPORTS"])
async def test_what_would_be_a_long_read_is_too_broad(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    await stage.report(*range(1, 6))
    asked = {
        "MAX_FACTS": Definition(when="opened"),
        "MAX_MINUTES": Definition(when="reported"),
        "MAX_REPORTS": Definition(when="reported", release="*"),
    }[bound]
    assert (await preview(stage.database, asked, days=1, limits=LIMITS)).messages == 5
    monkeypatch.setattr(past, bound, 4)
    with pytest.raises(BadInput) as refused:
        await preview(stage.database, asked, days=1, limits=LIMITS)
    assert refused.value.code == "too_broad"


def a_storm(limits: Limits) -> tuple[int, int]:
    """The most messages of a minute, and the reports told, of a storm of 10,000 reports in ten seconds."""
    rules = tuple(of_levels(["error"], 60))
    matches = [
        (
            number / 1000,
            Match(
                position=number + 1,
                recorded_at=datetime(2026, 11, 22, tzinfo=UTC),
                report=UUID(int=number),
                issue=UUID(int=number % 500),
                service="api",
                level="error",
                rules=rules,
            ),
        )
        for number in range(10_000)
    ]
    items = [(one.at, one.what) for one in rehearse(matches, 3600, limits) if hasattr(one.what, "counts")]
    fullest = max(sum(at <= other < at + 60 for other, _ in items) for at, _ in items)
    assert any(isinstance(item, Bundle) for _, item in items) or limits.issues_at_once >= 500
    return fullest, sum(sum(item.counts.values()) for _, item in items)


def test_a_storm_is_told_in_few_messages_and_whole() -> None:
    fullest, told = a_storm(LIMITS)
    assert fullest <= 25 and told == 10_000


def test_without_limits_the_same_storm_would_be_hundreds_of_messages() -> None:
    fullest, told = a_storm(Limits(issues_at_once=10_000, per_minute=10_000))
    assert fullest > 400 and told == 10_000
