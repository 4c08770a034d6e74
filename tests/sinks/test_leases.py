"""Leases, fencing and crashes: a sink is one replica's at a time, and what is acknowledged is told once or,
where a replica died between Discord's answer and the checkpoint, twice, never not at all.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter

import psycopg
import pytest

from avalon.errors import LeaseLost
from avalon.event_store import Cursor
from avalon.events import AlertDelivered
from avalon.sinks import Message, Receipt, Sink
from avalon.sinks.discord import DiscordSink, new_client
from avalon.statements import load
from avalon.subscriptions.lease import Lease, claim
from tests.conftest import Urls
from tests.sinks.conftest import Stage, a_settings, until
from tests.sinks.fake_discord import DROP, FakeDiscord, Prepared
from tests.sinks.test_subscriptions import total

sql = load("subscriptions")

DELIVERED = AlertDelivered(kind="report", reports=1, first_position=1, last_position=1, issues={})


def footers(discord: FakeDiscord) -> Counter[str]:
    return Counter(message.embed["footer"]["text"] for message in discord.accepted)


async def expire(stage: Stage) -> None:
    await stage.database.execute("UPDATE runtime.subscription SET lease_until = now() - interval '1 ms'")


async def two_replicas(stage: Stage) -> Counter[str]:
    """What two replicas with one sink send for thirty reports."""
    await stage.create()
    stage.start("one")
    stage.start("two")
    for issue in range(30):
        await stage.report(issue)
    await stage.play(lambda: len(footers(stage.discord)) >= 10 and total(stage.discord.accepted) >= 30)
    return footers(stage.discord)


async def test_two_replicas_send_nothing_twice(stage: Stage) -> None:
    sent = await two_replicas(stage)
    assert set(sent.values()) == {1}
    assert total(stage.discord.accepted) == 30


async def test_without_the_lease_two_replicas_send_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setitem(
        sql.texts,
        "claim",
        sql.claim.replace("AND (s.lease_until <= clock_timestamp() OR s.owner = %(owner)s::text)", ""),
    )
    for name in ("save", "decide"):
        monkeypatch.setitem(
            sql.texts,
            name,
            sql.texts[name].replace("AND token = %(token)s::bigint AND lease_until > clock_timestamp()", ""),
        )
    sent = await two_replicas(stage)
    assert max(sent.values()) > 1


async def test_an_idle_lease_is_renewed_and_stays_with_its_owner(stage: Stage) -> None:
    sink = await stage.create()
    stage.start("one", lease_s=0.6)
    stage.start("two", lease_s=0.6)
    seen: set[tuple[int, object]] = set()

    async def was_renewed() -> bool:
        rows = await stage.database.fetch_dicts(
            "SELECT token, lease_until FROM runtime.subscription WHERE lease_until > now()"
        )
        seen.update((row["token"], row["lease_until"]) for row in rows)
        return len(seen) > 5

    await until(was_renewed)
    assert {token for token, _ in seen} == {await stage.token(sink)}


async def test_a_replica_that_stops_gives_its_lease_and_its_counts_to_the_next(stage: Stage) -> None:
    sink = await stage.create()
    stage.start("one")
    await stage.report(*[1] * 100)
    await until(lambda: len(stage.discord.accepted) == 1)
    await stage.stop("one")
    assert await stage.counted(sink) == 99
    await stage.report(*[1] * 100)
    stage.start("two")
    await stage.play(lambda: total(stage.discord.accepted) == 200)
    assert [m.reports for m in stage.discord.accepted] == [1, 199]


async def test_a_stop_waits_for_the_message_under_way(stage: Stage) -> None:
    sink = await stage.create()
    entered = asyncio.Event()
    let_go = asyncio.Event()

    class Slow:
        async def send(self, message: Message) -> Receipt:
            entered.set()
            await let_go.wait()
            return Receipt(message_id="42")

    stage.start("one", make_sink=lambda kind, url: Slow())
    await stage.report(1, 2)
    await entered.wait()
    stopping = asyncio.create_task(stage.stop("one"))
    await asyncio.sleep(0)
    let_go.set()
    await stopping
    (delivered,) = await stage.facts(sink, "alert.delivered")
    assert delivered.data["message_id"] == "42"
    assert await stage.database.fetch_value("SELECT lease_until < now() FROM runtime.subscription")


async def a_stale_lease(stage: Stage) -> tuple[Lease, Lease]:
    """A lease that was lost while its owner was frozen, and that of the replica that took over."""
    await stage.create()
    (first,) = await claim(stage.database, "one", 30, [])
    stale = Lease(stage.database, first)
    await expire(stage)
    (second,) = await claim(stage.database, "two", 30, [])
    return stale, Lease(stage.database, second)


async def test_a_stale_token_writes_nothing(stage: Stage) -> None:
    stale, fresh = await a_stale_lease(stage)
    stale.cursor = Cursor(10**9, stale.cursor.recorded_at)
    for facts in ([], [DELIVERED]):
        with pytest.raises(LeaseLost):
            await stale.save(facts)
    await stale.release()
    assert await stage.facts(fresh.sink, "alert.") == []
    assert await stage.database.fetch_value("SELECT position FROM runtime.subscription") < 10**9
    await fresh.save([DELIVERED])
    assert len(await stage.facts(fresh.sink, "alert.")) == 1


async def test_without_the_token_a_stale_owner_writes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    for name in ("save", "decide"):
        without = sql.texts[name].replace("AND token = %(token)s::bigint", "")
        monkeypatch.setitem(sql.texts, name, without)
    stale, _ = await a_stale_lease(stage)
    stale.cursor = Cursor(10**9, stale.cursor.recorded_at)
    await stale.save([DELIVERED])
    assert len(await stage.facts(stale.sink, "alert.")) == 1
    assert await stage.database.fetch_value("SELECT position FROM runtime.subscription") == 10**9


async def test_a_lease_that_ended_is_over_even_if_nobody_took_it(stage: Stage) -> None:
    await stage.create()
    (claimed,) = await claim(stage.database, "one", 30, [])
    lease = Lease(stage.database, claimed)
    await expire(stage)
    with pytest.raises(LeaseLost):
        await lease.save([DELIVERED])
    assert await stage.facts(lease.sink, "alert.") == []


async def test_a_frozen_owner_does_not_send(stage: Stage) -> None:
    await stage.create()
    (claimed,) = await claim(stage.database, "one", 30, [])
    lease = Lease(stage.database, claimed)
    lease.check()
    lease.saved_at -= 16
    with pytest.raises(LeaseLost):
        lease.check()


async def test_a_second_try_to_save_stores_no_fact_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the connection dies after the commit and before its answer."""
    sink = await stage.create()
    (claimed,) = await claim(stage.database, "one", 30, [])
    lease = Lease(stage.database, claimed)
    facts = [DELIVERED.new(sink, "policy:alerts")]
    params = lease._params() | {"lease_s": 30.0, "facts": psycopg.types.json.Jsonb(facts)}
    assert len(await stage.database.fetch_dicts(sql.decide, params)) == 1
    assert await stage.database.fetch_dicts(sql.decide, params) == []
    assert len(await stage.facts(sink, "alert.")) == 1


async def test_a_deleted_sink_that_is_made_again_does_not_know_old_tokens(stage: Stage) -> None:
    sink = await stage.create()
    before = await stage.token(sink)
    await stage.database.execute("DELETE FROM runtime.subscription")
    stage.start("one")

    async def is_followed() -> bool:
        return bool(await stage.database.fetch_value("SELECT token > 0 FROM runtime.subscription"))

    await until(is_followed)
    assert await stage.token(sink) > before + 1


class Killed(Exception):
    """Stands for a kill -9 of the replica."""


class Dying:
    """A sink whose replica dies after some of Discord's answers, before it can write anything down."""

    kills = 0

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._number = 0

    async def send(self, message: Message) -> Receipt:
        receipt = await self._sink.send(message)
        self._number += 1
        if self._number % 3 == 0 and Dying.kills < 20:
            Dying.kills += 1
            raise Killed
        return receipt


async def test_a_kill_between_the_answer_and_the_checkpoint_repeats_one_message(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avalon.subscriptions.REST_S", 0.0)
    Dying.kills = 0
    sink = await stage.create()
    async with new_client() as client:
        real = DiscordSink(stage.discord.webhook(), client, stage.settings.webhook_allowed_hosts)
        stage.start(make_sink=lambda kind, url: Dying(real))
        reported: list[int] = []
        for wave in range(6):
            reported += await stage.report(
                *range(wave * 12, wave * 12 + 12), *range(wave * 12, wave * 12 + 12)
            )

            async def is_told() -> bool:
                facts = await stage.facts(sink, "alert.delivered")
                return sum(int(fact.data["reports"]) for fact in facts) == len(reported)  # noqa: B023

            await stage.play(is_told, step_s=2)
        await stage.stop()
    repeated = sum(footers(stage.discord).values()) - len(footers(stage.discord))
    assert Dying.kills >= 10
    assert repeated == Dying.kills


@pytest.mark.slow
async def test_a_replica_that_is_killed_is_followed_by_the_next(stage: Stage, urls: Urls) -> None:
    """Real processes and real SIGKILLs, each between Discord's taking a message and its answer."""
    async with FakeDiscord(rates=()) as discord:
        stage.settings = a_settings(discord)
        await stage.create(url=discord.webhook())
        reported = []
        for kill in range(3):
            discord.answer_with(Prepared(DROP))
            process = await a_replica(urls, discord)
            reported += await stage.report(kill * 2, kill * 2 + 1)
            await discord.wait_for(lambda d: [s for _, s in d.answers].count(DROP) > kill)  # noqa: B023
            process.send_signal(signal.SIGKILL)
            await process.wait()
        process = await a_replica(urls, discord)
        await until(lambda: len(footers(discord)) == len(reported))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    repeated = sum(footers(discord).values()) - len(footers(discord))
    assert repeated <= 3


async def a_replica(urls: Urls, discord: FakeDiscord) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.sinks.replica",
        urls.service,
        discord.host,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
