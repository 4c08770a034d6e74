"""Leases and fencing: a sink is one replica's at a time, and what a stale one writes does not count."""

from __future__ import annotations

import asyncio
from collections import Counter

import psycopg
import pytest

from avalon.errors import LeaseLost
from avalon.event_store import Cursor
from avalon.events import AlertDelivered
from avalon.sinks import Message, Receipt
from avalon.statements import load
from avalon.subscriptions.lease import Lease, claim
from tests.sinks.conftest import Stage, until
from tests.sinks.fake_discord import footers
from tests.sinks.test_subscriptions import total

sql = load("subscriptions")

DELIVERED = AlertDelivered(kind="report", reports=1, first_position=1, last_position=1, issues={})


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

    stage.start("one", make_sink=lambda target: Slow())
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
