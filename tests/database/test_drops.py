"""What was not taken is counted by hour, bounded, and once."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from avalon import event_store, minutes, projections
from avalon.auth import ApiKey
from avalon.database import Database
from avalon.drops import MAX_QUANTITY, MAX_ROWS, Drops
from avalon.errors import Unavailable
from avalon.events import Dropped, ReportsDropped, ServiceErased
from tests.conftest import Urls

Owner = psycopg.AsyncConnection[Any]


def a_key(number: int = 1, service: str = "api") -> ApiKey:
    id = UUID(int=number)
    return ApiKey(id, service, f"key:{id}", None, ())


async def rows(owner: Owner, query: str) -> list[Any]:
    return await (await owner.execute(query.encode())).fetchall()


async def dropped(owner: Owner) -> dict[tuple[str, str, str, str], int]:
    """The counts, whatever their hour."""
    found = await rows(
        owner,
        "SELECT service, dropped_by, category, reason, sum(quantity)::bigint FROM projection.drop_hour"
        " GROUP BY 1, 2, 3, 4",
    )
    return {tuple(row[:4]): row[4] for row in found}


async def facts(owner: Owner) -> int:
    return int((await rows(owner, "SELECT count(*) FROM log.event WHERE type = 'reports.dropped'"))[0][0])


async def test_what_gathered_is_one_fact_per_key(urls: Urls, database: Database, owner: Owner) -> None:
    drops = Drops(database)
    for _ in range(3):
        drops.add(a_key(1), by="sdk", reason="ratelimit_backoff", category="error", quantity=2)
    drops.add(a_key(1), by="avalon", reason="not_supported", category="transaction")
    drops.add(a_key(2, "web"), by="avalon", reason="not_supported", category="session")
    assert await facts(owner) == 0
    await drops.flush()
    await drops.flush()
    assert await facts(owner) == 2
    assert await dropped(owner) == {
        ("api", "sdk", "error", "ratelimit_backoff"): 6,
        ("api", "avalon", "transaction", "not_supported"): 1,
        ("web", "avalon", "session", "not_supported"): 1,
    }
    drops.add(a_key(1), by="sdk", reason="ratelimit_backoff", category="error")
    await drops.flush()
    assert (await dropped(owner))["api", "sdk", "error", "ratelimit_backoff"] == 7
    assert await projections.verify(urls.owner) == []


async def test_the_task_appends_by_itself_and_at_its_end(database: Database, owner: Owner) -> None:
    drops = Drops(database, every_s=0.01)
    drops.add(a_key(), by="sdk", reason="sample_rate", category="error")
    task = asyncio.create_task(drops.run())
    async with asyncio.timeout(10):
        while not await facts(owner):  # noqa: ASYNC110 (it happens in Postgres)
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    drops = Drops(database)
    task = asyncio.create_task(drops.run())
    await asyncio.sleep(0)
    drops.add(a_key(), by="sdk", reason="sample_rate", category="error")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await dropped(owner) == {("api", "sdk", "error", "sample_rate"): 2}


async def test_names_and_quantities_are_bounded(database: Database, owner: Owner) -> None:
    drops = Drops(database)
    drops.add(a_key(), by="sdk", reason="Before_Send", category="x" * 41, quantity=10**30)
    drops.add(a_key(), by="sdk", reason="a b", category="", quantity=5)
    drops.add(a_key(), by="sdk", reason="zero", category="error", quantity=0)
    drops.add(a_key(), by="sdk", reason="less", category="error", quantity=-4)
    await drops.flush()
    assert await dropped(owner) == {
        ("api", "sdk", "other", "before_send"): MAX_QUANTITY,
        ("api", "sdk", "other", "other"): 5,
    }


async def test_a_key_that_invents_reasons_fills_neither_memory_nor_the_table(
    urls: Urls, database: Database, owner: Owner
) -> None:
    drops = Drops(database)
    for turn in range(6):
        for number in range(MAX_ROWS * 3):
            drops.add(a_key(), by="sdk", reason=f"reason{turn}_{number}", category="error")
        await drops.flush()
    counts = await dropped(owner)
    hours = (await rows(owner, "SELECT count(DISTINCT hour) FROM projection.drop_hour"))[0][0]
    assert sum(counts.values()) == 6 * MAX_ROWS * 3
    assert hours > 1 or len(counts) == 201
    for chunk in (1, 4, 1000):
        assert await projections.verify(urls.owner, chunk=chunk) == []


async def test_without_the_cap_each_invented_reason_would_have_a_row(
    database: Database, owner: Owner
) -> None:
    ((text,),) = await rows(owner, "SELECT pg_get_functiondef('log.fold_drop'::regproc)")
    assert "> 200" in text
    await owner.execute(text.replace("> 200", "> 20000").encode())
    drops = Drops(database)
    for turn in range(6):
        for number in range(MAX_ROWS):
            drops.add(a_key(), by="sdk", reason=f"reason{turn}_{number}", category="error")
        await drops.flush()
    assert len(await dropped(owner)) == 300


async def test_hours_go_with_the_minutes_and_with_their_service(
    urls: Urls, database: Database, owner: Owner
) -> None:
    drops = Drops(database)
    for key in (a_key(1), a_key(2, "web")):
        drops.add(key, by="sdk", reason="sample_rate", category="error")
    await drops.flush()
    later = datetime.now(UTC) + timedelta(hours=2)
    erased = ServiceErased(before=later.replace(minute=0, second=0, microsecond=0))
    await event_store.append(database, [erased.new(UUID(int=5), "system", service="web")])
    assert await dropped(owner) == {("api", "sdk", "error", "sample_rate"): 1}
    assert await minutes.expire_minutes(owner, datetime.now(UTC) - timedelta(hours=2)) == 0
    assert await minutes.expire_minutes(owner, later) == 1
    assert await minutes.expire_minutes(owner, later) == 0
    assert await dropped(owner) == {}
    for chunk in (1, 1000):
        assert await projections.verify(urls.owner, chunk=chunk) == []


async def test_however_facts_are_cut_the_same_kinds_get_rows(
    urls: Urls, database: Database, owner: Owner
) -> None:
    """Two facts of one append, the second of which names kinds that come before the first one's by name."""
    for first in ("m", "a", "z", "k"):
        names = [f"{first}{number}" for number in range(90)]
        named = [Dropped(dropped_by="sdk", reason=name, category="error", quantity=1) for name in names]
        fact = ReportsDropped(rows=named).new(UUID(int=1), "key:1", service="api")
        await event_store.append(database, [fact])
    for chunk in (1, 2, 3, 1000):
        assert await projections.verify(urls.owner, chunk=chunk) == []


async def test_a_replay_would_notice_a_count_that_is_wrong(
    urls: Urls, database: Database, owner: Owner
) -> None:
    drops = Drops(database)
    drops.add(a_key(), by="sdk", reason="sample_rate", category="error")
    await drops.flush()
    await owner.execute("UPDATE projection.drop_hour SET quantity = 5")
    assert {one.table for one in await projections.verify(urls.owner)} == {"drop_hour"}
    await projections.rebuild(urls.owner)
    assert await dropped(owner) == {("api", "sdk", "error", "sample_rate"): 1}


async def test_while_postgres_is_away_counts_wait_and_an_answer_that_was_lost_counts_once(
    database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops = Drops(database)
    execute = database.execute

    async def lost(query: Any, params: Any = None) -> int:
        await execute(query, params)
        raise Unavailable("the answer got lost")

    async def away(query: Any, params: Any = None) -> int:
        raise Unavailable("nobody there")

    for failing in (lost, away):
        drops.add(a_key(), by="sdk", reason="sample_rate", category="error")
        monkeypatch.setattr(database, "execute", failing)
        await drops.flush()
    monkeypatch.setattr(database, "execute", execute)
    await drops.flush()
    assert await dropped(owner) == {("api", "sdk", "error", "sample_rate"): 2}
    assert await facts(owner) == 2
