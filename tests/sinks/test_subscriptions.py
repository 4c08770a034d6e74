"""A sink from the log to Discord: what is told, held back, postponed, given up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from avalon import event_store
from avalon.events import Event
from avalon.subscriptions.commands import change_sink, delete_sink
from avalon.subscriptions.state import Limits
from tests.sinks.conftest import Stage, until
from tests.sinks.fake_discord import Accepted, Prepared


def total(messages: Sequence[Accepted]) -> int:
    return sum(message.reports for message in messages)


def total_of(delivered: Sequence[Event]) -> int:
    return sum(int(fact.data["reports"]) for fact in delivered)


def fullest_minute(times: Sequence[float]) -> int:
    return max((sum(at <= other < at + 60 for other in times) for at in times), default=0)


async def test_a_critical_report_is_told_with_a_link_to_it(stage: Stage) -> None:
    sink = await stage.create()
    stage.start()
    (position,) = await stage.report(1)
    await until(lambda: stage.facts(sink, "alert.delivered"))
    (message,) = stage.discord.accepted
    (fact,) = await stage.facts(sink, "alert.")
    assert message.embed["title"] == "🚨 CRITICAL · api"
    assert message.embed["url"] == f"https://avalon.example.org/errors/{message.fields['ID'].strip('`')}"
    assert "boom 1" in message.embed["description"] and "at f (a.js:1)" in message.embed["description"]
    assert fact.data["message_id"] == message.message_id
    assert (fact.data["kind"], fact.data["reports"], fact.data["last_position"]) == ("report", 1, position)


async def test_only_the_levels_of_the_sink_are_told(stage: Stage) -> None:
    await stage.create()
    noisy = await stage.create(levels=["info"], url=stage.discord.webhook(2))
    stage.start()
    for number, level in enumerate(("debug", "info", "warning", "error", "fatal", "critical")):
        await stage.report(number, level=level)
    await until(lambda: len(stage.discord.accepted) == 3)
    titles = {(m.webhook[-1], m.embed["title"].split()[1]) for m in stage.discord.accepted}
    assert titles == {("1", "FATAL"), ("1", "CRITICAL"), ("2", "INFO")}
    before = await stage.token(noisy)
    await change_sink(stage.database, stage.settings, noisy, actor="user:test", levels=["debug"])

    async def is_followed_anew() -> bool:
        return await stage.token(noisy) > before

    await until(is_followed_anew)
    await stage.report(11, level="info")
    await stage.report(12, level="debug")
    await until(lambda: len(stage.discord.accepted) == 4)
    assert stage.discord.accepted[3].embed["title"].endswith("DEBUG · api")


@pytest.mark.parametrize("bugs", [1, 500])
async def test_a_storm_becomes_a_few_messages_with_exact_counts(stage: Stage, bugs: int) -> None:
    sink = await stage.create()
    stage.start()
    await stage.report(*[n % bugs for n in range(10_000)])
    await stage.play(lambda: total(stage.discord.accepted) == 10_000)
    assert stage.discord.errors == []
    assert fullest_minute([m.at for m in stage.discord.accepted]) <= 25
    assert len(stage.discord.accepted) <= 15

    async def is_written_down() -> bool:
        delivered = await stage.facts(sink, "alert.delivered")
        return total_of(delivered) == 10_000

    await until(is_written_down)
    suppressed = await stage.facts(sink, "alert.suppressed")
    singles = [f for f in await stage.facts(sink, "alert.delivered") if f.data["kind"] == "report"]
    assert sum(fact.data["count"] for fact in suppressed) + len(singles) == 10_000
    issues: dict[str, int] = {}
    for fact in await stage.facts(sink, "alert.delivered"):
        for issue, count in fact.data["issues"].items():
            issues[issue] = issues.get(issue, 0) + count
    assert set(issues.values()) == {10_000 // bugs} and len(issues) == bugs


async def test_a_storm_that_goes_on_never_overfills_a_minute(stage: Stage) -> None:
    await stage.create()
    stage.start(limits=Limits(window_s=5, per_minute=7))
    reported = 0
    for wave in range(8):
        reported += len(await stage.report(*[wave * 20 + n for n in range(20)] * 3))
        await stage.play(lambda: stage.clock.now() > 1_800_000_000 + (wave + 1) * 15)  # noqa: B023
    await stage.play(lambda: total(stage.discord.accepted) == reported)
    assert fullest_minute([at for at, _ in stage.discord.answers]) <= 7


@pytest.mark.parametrize("by_header", [True, False])
async def test_nothing_is_sent_before_a_429_allows_it(stage: Stage, by_header: bool) -> None:
    sink = await stage.create()
    stage.discord.answer_with(Prepared(429, retry_after_s=30, by_header=by_header))
    stage.start()
    await stage.report(1, 2, 2)
    await stage.play(lambda: total(stage.discord.accepted) == 3)
    (first, status), (second, _), *_ = stage.discord.answers
    assert status == 429 and second - first >= 30
    assert await stage.facts(sink, "alert.failed") == []


async def test_a_429_is_obeyed_by_the_next_replica_too(stage: Stage) -> None:
    sink = await stage.create()
    stage.discord.answer_with(Prepared(429, retry_after_s=30))
    stage.start("one")
    await stage.report(1)
    await until(lambda: stage.discord.answers)
    await stage.stop("one")
    stage.start("two")
    await stage.play(lambda: stage.facts(sink, "alert.delivered"))
    (first, _), (second, _) = stage.discord.answers
    assert second - first >= 30


@pytest.mark.parametrize("answer", [Prepared(404, 10015), Prepared(401, 50027)])
async def test_a_webhook_that_is_gone_switches_the_sink_off(stage: Stage, answer: Prepared) -> None:
    sink = await stage.create()
    stage.discord.always = answer
    stage.start()
    await stage.report(1, 1, 1, 2)
    await until(lambda: stage.facts(sink, "sink.switched_off"))
    await stage.report(3)
    assert len(stage.discord.answers) == 1
    facts = await stage.facts(sink)
    assert [f.type for f in facts].count("alert.failed") == 2
    assert [(f.data["reason"], f.data["count"]) for f in facts if f.type == "alert.suppressed"] == [
        ("switched_off", 2)
    ]
    assert f"answered {answer.status}" in facts[-1].data["reason"]
    row = await stage.database.fetch_dicts("SELECT is_active, switched_off_reason FROM projection.sink")
    assert row == [{"is_active": False, "switched_off_reason": facts[-1].data["reason"]}]


async def test_a_message_that_is_refused_does_not_stop_the_next(stage: Stage) -> None:
    sink = await stage.create()
    stage.discord.answer_with(Prepared(400, 50035))
    stage.start()
    await stage.report(1, 2)
    await until(lambda: stage.facts(sink, "alert.delivered"))
    (failed,) = await stage.facts(sink, "alert.failed")
    assert failed.data["permanent"] is True and failed.data["reports"] == 1
    assert await stage.facts(sink, "sink.switched_off") == []


async def test_a_discord_that_is_down_gets_everything_later(stage: Stage) -> None:
    sink = await stage.create()
    stage.discord.always = Prepared(503)
    stage.start()
    await stage.report(*[1] * 50, 2)
    await stage.play(lambda: len(stage.discord.answers) > 4)
    await stage.report(*[1] * 50, 3)
    stage.discord.always = None
    await stage.play(lambda: total(stage.discord.accepted) == 102, step_s=5)
    assert [m.fields["ID"] for m in stage.discord.accepted if not m.is_digest]
    assert await stage.facts(sink, "alert.failed") == []


async def test_a_message_is_given_up_after_a_day_and_says_so(stage: Stage) -> None:
    sink = await stage.create()
    stage.discord.always = Prepared(500)
    stage.start()
    await stage.report(1)
    await stage.play(lambda: stage.facts(sink, "alert.failed"), step_s=1000)
    (failed,) = await stage.facts(sink, "alert.failed")
    assert failed.data["permanent"] is False and failed.data["reason"] == "Discord answered 500"
    assert stage.discord.answers[-1][0] - stage.discord.answers[0][0] > 80_000


async def test_a_new_sink_begins_now_and_so_does_one_that_is_switched_on(stage: Stage) -> None:
    await stage.report(1)
    sink = await stage.create()
    await stage.report(2)
    stage.start()
    await until(lambda: len(stage.discord.accepted) == 1)
    await change_sink(stage.database, stage.settings, sink, actor="user:test", is_active=False)
    await until(lambda: _is_free(stage))
    await stage.report(3)
    await change_sink(stage.database, stage.settings, sink, actor="user:test", is_active=True)
    await stage.report(4)
    await until(lambda: len(stage.discord.accepted) == 2)
    assert ["boom 2" in m.embed["description"] for m in stage.discord.accepted] == [True, False]
    assert "boom 4" in stage.discord.accepted[1].embed["description"]


async def test_a_log_that_was_restored_to_before_the_checkpoint_is_followed_from_its_end(
    stage: Stage,
) -> None:
    await stage.create()
    await stage.report(1)
    await stage.database.execute(
        "UPDATE runtime.subscription SET position = 1000000, recorded_at = now() + interval '1 hour'"
    )
    stage.start()
    await until(lambda: _has_read_all(stage))
    await stage.report(2)
    await until(lambda: stage.discord.accepted)
    assert ["boom 2" in m.embed["description"] for m in stage.discord.accepted] == [True]


async def _has_read_all(stage: Stage) -> bool:
    head = (await event_store.head(stage.database)).position
    return bool(await stage.database.fetch_value("SELECT max(position) FROM runtime.subscription") == head)


async def _is_free(stage: Stage) -> bool:
    return bool(await stage.database.fetch_value("SELECT lease_until < now() FROM runtime.subscription"))


async def test_what_was_held_back_is_written_off_when_somebody_switches_the_sink_off(stage: Stage) -> None:
    sink = await stage.create()
    stage.start()
    await stage.report(*[1] * 5)
    await until(lambda: stage.counted(sink))
    await change_sink(stage.database, stage.settings, sink, actor="user:test", is_active=False)
    await until(lambda: stage.facts(sink, "alert.suppressed"))
    (fact,) = await stage.facts(sink, "alert.suppressed")
    assert (fact.data["reason"], fact.data["count"]) == ("switched_off", 4)
    assert await stage.counted(sink) == 0


async def test_a_sink_that_is_deleted_is_not_followed_any_more(stage: Stage) -> None:
    sink = await stage.create()
    stage.start()
    await stage.report(1)
    await until(lambda: stage.discord.accepted)
    await delete_sink(stage.database, sink, actor="user:test")
    again = await stage.create(url=stage.discord.webhook(2))
    await stage.report(2)
    await until(lambda: stage.facts(again, "alert.delivered"))
    assert [m.webhook[-1] for m in stage.discord.accepted][1:] == ["2"]
    assert await stage.database.fetch_value("SELECT count(*) FROM account.sink_secret") == 1
