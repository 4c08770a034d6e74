"""Rules at work: what each tells of, what is held back for it, and what it says about that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from avalon import event_store
from avalon.database import Database
from avalon.events import uuid7
from avalon.projections import verify
from avalon.rules import Rule
from avalon.rules.commands import change_rule, delete_rule
from avalon.subscriptions.commands import change_sink, delete_sink
from avalon.subscriptions.questions import rules_of
from tests.conftest import Urls
from tests.sinks.conftest import Stage, until
from tests.sinks.rules_help import a_quiet_sink, a_rule, decide, met_by, read_all, tagged

Owner = psycopg.AsyncConnection[Any]


def titles(stage: Stage) -> list[str]:
    return [message.embed["title"] for message in stage.discord.accepted]


def whys(stage: Stage) -> list[str]:
    return [message.fields["Why"] for message in stage.discord.accepted if not message.is_digest]


async def test_a_sink_without_levels_is_told_only_what_its_rules_ask_for(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    rule = await a_rule(stage, sink, "Checkout", services=["shop"], level="error")
    stage.start()
    await stage.report(1, level="fatal")
    await stage.report(2, level="warning", service="shop")
    (position,) = await stage.report(3, level="error", service="shop")
    await until(lambda: stage.facts(sink, "alert.delivered"))
    await read_all(stage, sink)
    assert titles(stage) == ["❌ ERROR · shop"] and whys(stage) == ["rule: Checkout"]
    (fact,) = await stage.facts(sink, "alert.")
    assert fact.data["rules"] == [str(rule)] and fact.data["last_position"] == position


async def test_a_rule_of_opened_issues_tells_of_each_once(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="opened")
    stage.start()
    await stage.report(1, 2, 1, 1)
    await stage.report(2)
    await until(lambda: len(stage.discord.accepted) == 2)
    await read_all(stage, sink)
    assert titles(stage) == ["🚨 NEW ISSUE · api"] * 2
    assert await stage.facts(sink, "alert.suppressed") == []


async def test_a_rule_of_regressions_tells_of_one_and_of_the_end_of_a_mute(
    stage: Stage, owner: Owner
) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="regressed")
    stage.start()
    await stage.report(1, 2, 3)
    await owner.execute(
        "UPDATE projection.issue SET status = 'resolved', substatus = '', resolved_at = '2026-01-01'"
        " WHERE id = '00000000-0000-0000-0000-000000000001'"
    )
    await stage.report(1, 2)
    await until(lambda: len(stage.discord.accepted) == 1)
    await decide(stage, "issue.unmuted", 3, reason="until")
    await until(lambda: len(stage.discord.accepted) == 2)
    assert titles(stage) == ["🚨 REGRESSED · api"] * 2
    assert whys(stage) == ["rule: Ops", "it is not muted any more: its time is over · rule: Ops"]


async def test_a_threshold_is_told_when_it_is_passed_and_not_again_while_it_stands(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="events", threshold=5, window_s=300)
    stage.start()
    await stage.report(*[1] * 4, 2)
    await read_all(stage, sink)
    assert stage.discord.accepted == []
    await stage.report(1)
    await until(lambda: len(stage.discord.accepted) == 1)
    await stage.report(*[1] * 20)
    await read_all(stage, sink)
    stage.clock.advance(120)
    await stage.report(1)
    await read_all(stage, sink)
    assert titles(stage) == ["🚨 MANY EVENTS · api"]
    assert whys(stage) == ["5 events in 5 minutes · rule: Ops"]
    assert await stage.facts(sink, "alert.suppressed") == []


async def test_only_reports_of_the_rules_level_and_environment_count_for_its_threshold(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="events", threshold=3, window_s=60, level="fatal", environments=["prod"])
    stage.start()
    await stage.report(1, 1, 1, level="error", environment="prod")
    await stage.report(1, 1, 1, level="fatal", environment="dev")
    await stage.report(1, 1, level="fatal", environment="prod")
    await read_all(stage, sink)
    assert stage.discord.accepted == []
    await stage.report(1, level="critical", environment="prod")
    await until(lambda: stage.discord.accepted)


async def test_users_are_counted_and_not_their_reports(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="users", threshold=3, window_s=3600)
    stage.start()
    for user in ("ada", "bob", "ada", "bob", "ada"):
        await stage.report(1, data=met_by(user))
    await read_all(stage, sink)
    assert stage.discord.accepted == []
    await stage.report(1, data=met_by("cleo"))
    await until(lambda: stage.discord.accepted)
    assert whys(stage) == ["3 users in 1 hour · rule: Ops"]
    fields = stage.discord.accepted[0].fields
    assert (fields["Events"], fields["Users"]) == ("6", "3"), "how loud the issue is in all"


async def test_two_rules_that_want_the_same_give_one_message_that_names_both(stage: Stage) -> None:
    sink = await stage.create()
    rules = {
        str(await a_rule(stage, sink, "All fatal", level="fatal")),
        str(await a_rule(stage, sink, "New", when="opened")),
        str(await a_rule(stage, sink, "Many", when="events", threshold=1, window_s=60)),
    }
    stage.start()
    await stage.report(1)
    await until(lambda: stage.facts(sink, "alert.delivered"))
    await read_all(stage, sink)
    assert whys(stage) == ["1 event in 1 minute · rule: All fatal, Many, New"]
    (fact,) = await stage.facts(sink, "alert.")
    assert set(fact.data["rules"]) == rules


async def test_each_rule_keeps_its_own_pace(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    slow = await a_rule(stage, sink, "Slow", pace_s=3600)
    fast = await a_rule(stage, sink, "Fast", pace_s=60, level="fatal")
    stage.start()
    await stage.report(1, level="error")
    await until(lambda: len(stage.discord.accepted) == 1)
    await stage.report(1, level="fatal")
    await until(lambda: len(stage.discord.accepted) == 2)
    await stage.report(1, 1, level="error")
    await until(lambda: _counts(stage, sink, 2))
    stage.clock.advance(600)
    await stage.report(1, level="fatal")
    await until(lambda: len(stage.discord.accepted) == 3)
    stage.clock.advance(3000)
    await until(lambda: len(stage.discord.accepted) == 4)
    assert stage.discord.accepted[3].reports == 2
    assert whys(stage) == ["rule: Slow", "rule: Fast, Slow", "rule: Fast, Slow"]
    (held,) = await stage.facts(sink, "alert.suppressed")
    assert held.data["rules"] == [str(slow)] and str(fast) not in held.data["rules"]


async def _counts(stage: Stage, sink: UUID, number: int) -> bool:
    await read_all(stage, sink)
    return await stage.counted(sink) == number


@pytest.mark.parametrize("state", ["muted", "ignored", "resolved"])
async def test_nobody_is_told_of_an_issue_that_is_quiet_and_that_is_said(
    stage: Stage, owner: Owner, state: str
) -> None:
    sink = await stage.create()
    rule = await a_rule(stage, sink, when="events", threshold=2, window_s=60)
    await stage.report(1, level="debug")
    status = "resolved" if state == "resolved" else "ignored"
    await owner.execute(
        "UPDATE projection.issue SET status = %s, substatus = %s, resolved_at = '2100-01-01'",
        [status, "muted" if state == "muted" else ""],
    )
    await read_all_later(stage, sink)
    await stage.report(1, 1, 1)
    await read_all(stage, sink)
    stage.clock.advance(600)
    await until(lambda: stage.facts(sink, "alert.suppressed"))
    assert stage.discord.accepted == []
    (fact,) = await stage.facts(sink, "alert.suppressed")
    assert fact.data["reason"] == state and fact.data["count"] == 3
    assert fact.data["rules"] == [str(rule)]


async def test_without_asking_for_the_issues_state_a_muted_one_would_be_told_of(
    stage: Stage, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_asks(*_: object) -> dict[UUID, str]:
        return {}

    monkeypatch.setattr("avalon.subscriptions.evaluation.silences", nobody_asks)
    await stage.create()
    await stage.report(1, level="debug")
    await owner.execute("UPDATE projection.issue SET status = 'ignored', substatus = 'muted'")
    stage.start()
    await stage.report(1)
    await until(lambda: stage.discord.accepted)


async def read_all_later(stage: Stage, sink: UUID) -> None:
    stage.start()
    await read_all(stage, sink)


FILTERS: list[tuple[str, dict[str, Any], Callable[[Stage], Any]]] = [
    ("release", {"release": "2.*"}, lambda s: s.report(2, release="2.1")),
    ("tags", {"tags": {"browser": ["firefox"]}}, lambda s: s.report(2, data=tagged(browser="firefox"))),
    ("environment", {"environments": ["prod"]}, lambda s: s.report(2, environment="prod")),
    ("q", {"q": "service:shop"}, lambda s: s.report(2, service="shop")),
]


@pytest.mark.parametrize("when", ["reported", "opened"])
@pytest.mark.parametrize(("fields", "report"), [f[1:] for f in FILTERS], ids=[f[0] for f in FILTERS])
async def test_each_filter_lets_pass_what_it_asks_for_and_nothing_else(
    stage: Stage, fields: dict[str, Any], report: Callable[[Stage], Any], when: str
) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when=when, **fields)
    stage.start()
    await stage.report(1, release="1.9", environment="dev", data=tagged(browser="chrome"))
    (position,) = await report(stage)
    await until(lambda: stage.facts(sink, "alert.delivered"))
    await read_all(stage, sink)
    (fact,) = await stage.facts(sink, "alert.")
    assert fact.data["last_position"] == position


async def test_a_rule_counts_from_its_very_position_on(stage: Stage) -> None:
    """However the reads fall: reports on both sides of the fact are read while other rules are at work."""
    sink, expected = await rules_that_come_and_go(stage)
    stage.start()
    await stage.play(lambda: _has_read(stage, sink))
    await stage.play(lambda: len(stage.discord.accepted) == 5)
    assert [await _told(stage, sink), await stage.facts(sink, "alert.suppressed")] == [expected, []]


async def test_rules_as_they_are_by_now_would_miss_what_they_had_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a follower that lags, and does not ask what the rules were at its cursor."""

    async def rules_now(database: Database, sink: UUID, position: int) -> list[Rule]:
        return await rules_of(database, sink, 2**62)

    monkeypatch.setattr("avalon.subscriptions.rules_of", rules_now)
    sink, expected = await rules_that_come_and_go(stage)
    stage.start()
    await stage.play(lambda: _has_read(stage, sink))
    assert await _told(stage, sink) == [] != expected


async def rules_that_come_and_go(stage: Stage) -> tuple[UUID, list[int]]:
    """A log that nobody has followed yet. Around each report that a rule asks for stand others."""
    sink = await a_quiet_sink(stage)
    expected = []
    for number in range(1, 16, 3):
        await stage.report(number, level="info")
        rule = await a_rule(stage, sink, f"rule {number}", level="info")
        expected += await stage.report(number + 1, level="info")
        await delete_rule(stage.database, rule, actor="user:test")
        await stage.report(number + 2, level="info")
    return sink, expected


async def _has_read(stage: Stage, sink: UUID) -> bool:
    head = (await event_store.head(stage.database)).position
    read = "SELECT position FROM runtime.subscription WHERE sink = %(sink)s"
    position: int = await stage.database.fetch_value(read, {"sink": sink})
    return position >= head


async def _told(stage: Stage, sink: UUID) -> list[int]:
    return [fact.data["last_position"] for fact in await stage.facts(sink, "alert.delivered")]


async def test_a_rule_that_is_changed_or_switched_off_is_followed_as_it_is(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    rule = await a_rule(stage, sink, level="fatal")
    stage.start()
    await change_rule(stage.database, rule, actor="user:test", changes={"level": "info"})
    await stage.report(1, level="info")
    await until(lambda: len(stage.discord.accepted) == 1)
    await change_rule(stage.database, rule, actor="user:test", is_active=False, changes={})
    await stage.report(2, level="info")
    await read_all(stage, sink)
    assert len(stage.discord.accepted) == 1


async def test_what_a_rule_holds_back_survives_a_move_to_another_replica(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, pace_s=3600)
    stage.start("one")
    await stage.report(1, 1, 1)
    await until(lambda: stage.counted(sink))
    await stage.stop("one")
    await stage.report(1)
    stage.start("two")
    await read_all(stage, sink)
    assert len(stage.discord.accepted) == 1
    stage.clock.advance(3600)
    await until(lambda: len(stage.discord.accepted) == 2)
    assert stage.discord.accepted[1].reports == 3


async def test_verify_finds_rules_as_they_are(stage: Stage, urls: Urls) -> None:
    kept, gone = await a_quiet_sink(stage), await stage.create()
    rule = await a_rule(stage, kept, level="fatal", tags={"a": ["b"]})
    await change_rule(stage.database, rule, actor="user:test", name="New", changes={"level": None})
    await delete_rule(stage.database, await a_rule(stage, kept), actor="user:test")
    await a_rule(stage, gone)
    await delete_sink(stage.database, gone, actor="user:test")
    rows = await stage.database.fetch_dicts(
        "SELECT id, name, definition ->> 'level' AS level FROM projection.rule"
    )
    assert rows == [{"id": rule, "name": "New", "level": None}]
    assert await verify(urls.owner) == []


async def test_rules_hold_also_where_the_levels_of_the_sink_are_taken_away(
    stage: Stage, database: Database
) -> None:
    sink = await stage.create()
    await change_sink(database, stage.settings, sink, actor="user:test", levels=[])
    await a_rule(stage, sink, when="opened", services=[f"shop-{uuid7()}"])
    stage.start()
    await stage.report(1)
    await read_all(stage, sink)
    assert stage.discord.accepted == []


REPORTS: dict[str, dict[str, Any]] = {
    "All": {"level": "error", "pace_s": 300},
    "Many": {"when": "events", "threshold": 20, "window_s": 60},
}
OPENINGS: dict[str, dict[str, Any]] = {"New": {"when": "opened"}}


@pytest.mark.parametrize(
    ("asked", "bugs", "each"),
    [(REPORTS, 1, 10_000), (REPORTS, 500, 20), (OPENINGS, 500, 1)],
    ids=["one_bug", "500_bugs", "500_openings"],
)
async def test_a_storm_under_rules_is_counted_exactly_and_told_in_few_messages(
    stage: Stage, asked: dict[str, Any], bugs: int, each: int
) -> None:
    """10,000 reports in ten seconds. What a rule holds back goes with its pace, and none of it is lost."""
    sink = await a_quiet_sink(stage)
    rules = {str(await a_rule(stage, sink, name, **fields)) for name, fields in asked.items()}
    stage.start()
    for wave in range(10):
        await stage.report(*[(wave * 1_000 + n) % bugs for n in range(1_000)])
        stage.clock.advance(1)

    async def told() -> dict[str, int]:
        found: dict[str, int] = {}
        for fact in await stage.facts(sink, "alert.delivered"):
            assert set(fact.data["rules"]) <= rules
            for issue, count in fact.data["issues"].items():
                found[issue] = found.get(issue, 0) + count
        return found

    async def is_whole() -> bool:
        return sum((await told()).values()) >= bugs * each

    await stage.play(is_whole, step_s=2)
    assert set((await told()).values()) == {each} and len(await told()) == bugs
    assert stage.discord.errors == [] and await stage.facts(sink, "alert.failed") == []
    times = [at for at, _ in stage.discord.answers]
    assert max(sum(at <= other < at + 60 for other in times) for at in times) <= 25
