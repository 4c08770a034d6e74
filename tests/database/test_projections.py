"""Replay: whatever happened, in whatever cuts, the projections are what the log says."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon import event_store, projections
from avalon.database import Database
from avalon.events import (
    LEVELS,
    REPORTED,
    AlertDelivered,
    AlertFailed,
    AlertSuppressed,
    ApiKeyChanged,
    ApiKeyCreated,
    ApiKeyDeleted,
    ApiKeyRotated,
    ErrorDeleted,
    Event,
    Fact,
    NewEvent,
    ServiceErased,
    SessionStarted,
    SinkChanged,
    SinkCreated,
    SinkDeleted,
    SinkSwitchedOff,
    UserChanged,
    UserCreated,
    UserDeleted,
    UserPasswordChanged,
    uuid7,
)
from tests.conftest import Urls

SERVICES = ("api", "web", "jobs")
KEYS = [UUID(int=100 + n) for n in range(3)]
THINGS = [UUID(int=200 + n) for n in range(3)]
NOW = datetime.now(UTC)


def a_report(chance: random.Random) -> NewEvent:
    service = chance.randrange(len(SERVICES))
    occurred_at = NOW - timedelta(hours=chance.choice([0, 0, 1, 30, 80]), minutes=chance.randrange(60))
    return NewEvent(
        id=uuid7(),
        type=REPORTED,
        stream=UUID(int=service * 10 + chance.randrange(1, 5)),
        service=SERVICES[service],
        level=chance.choice(LEVELS),
        environment=chance.choice([None, "prod"]),
        actor=f"key:{chance.choice(KEYS)}",
        occurred_at=occurred_at,
        data=msgspec.Raw(b'{"message":"boom","exceptions":[{"type":"E"}]}'),
    )


def a_fact(chance: random.Random) -> NewEvent:
    key, thing, sha = chance.choice(KEYS), chance.choice(THINGS), f"{chance.getrandbits(256):064x}"
    counted: dict[str, Any] = {"reports": 3, "first_position": 1, "last_position": 2}
    facts: list[tuple[UUID, Fact]] = [
        (key, ApiKeyChanged(is_active=chance.random() < 0.5, rate_per_minute=chance.choice([None, 10]))),
        (key, ApiKeyChanged(name="renamed", allowed_origins=["https://a.example"])),
        (key, ApiKeyRotated(sha256=sha, prefix="avl_b", previous_expires_at=NOW)),
        (key, ApiKeyDeleted()),
        (thing, UserChanged(role="viewer")),
        (thing, UserPasswordChanged()),
        (thing, SessionStarted(session=uuid7())),
        (thing, UserDeleted()),
        (thing, SinkChanged(levels=["error"], is_active=True)),
        (thing, SinkSwitchedOff(reason="gone")),
        (thing, AlertDelivered(kind="single", issues={}, **counted)),
        (thing, AlertSuppressed(reason="storm", issue=thing, count=5, first_position=1, last_position=2)),
        (thing, AlertFailed(reason="no", permanent=True, **counted)),
        (thing, SinkDeleted()),
    ]
    stream, fact = chance.choice(facts)
    return fact.new(stream, "system", service="api")


def the_beginnings(chance: random.Random) -> list[NewEvent]:
    """What must stand before the other facts can: keys with a rate, users, sinks."""
    facts: list[NewEvent] = []
    # An admin always remains, so one of them is left alone.
    facts.append(UserCreated(role="admin", must_change_password=False).new(uuid7(), "system"))
    for n, key in enumerate(KEYS):
        sha = f"{chance.getrandbits(256):064x}"
        created = ApiKeyCreated(name="k", sha256=sha, prefix="avl_a", rate_per_minute=n or None)
        facts.append(created.new(key, "system", service="api"))
    for thing in THINGS:
        facts.append(UserCreated(role="admin", must_change_password=True).new(thing, "system"))
        facts.append(SinkCreated(kind="discord", name="d", levels=["fatal"]).new(thing, "system"))
    return facts


def a_deletion(chance: random.Random, report: Event) -> NewEvent:
    fact = ErrorDeleted(
        report=report.id,
        group=report.stream,
        position=report.position,
        occurred_at=report.occurred_at,
        recorded_at=report.recorded_at,
    )
    columns = {"service": report.service, "level": report.level, "environment": report.environment}
    return fact.new(report.stream, "system", **columns)


async def write_history(database: Database, chance: random.Random, steps: int) -> None:
    """A random life: reports in batches, facts, deletions (also twice), erasures."""
    await event_store.append(database, the_beginnings(chance))
    reports: list[Event] = []
    for _ in range(steps):
        dice = chance.random()
        if dice < 0.5:
            await event_store.append(database, [a_report(chance) for _ in range(chance.randrange(1, 30))])
            batch = await event_store.read_after(database, event_store.START, limit=10_000)
            reports = [e for e in batch.events if e.type == REPORTED]
        elif dice < 0.75 or not reports:
            await event_store.append(database, [a_fact(chance) for _ in range(chance.randrange(1, 4))])
        elif dice < 0.9:
            victims = [chance.choice(reports) for _ in range(chance.randrange(1, 4))]
            await event_store.append(database, [a_deletion(chance, v) for v in victims])
        else:
            before = chance.choice(
                [NOW.replace(minute=0, second=0, microsecond=0), datetime(2101, 1, 1, tzinfo=UTC)]
            )
            erased = ServiceErased(before=before)
            await event_store.append(
                database, [erased.new(uuid7(), "system", service=chance.choice(SERVICES))]
            )


@pytest.mark.parametrize("seed", range(4))
async def test_any_history_replays_to_the_same_projections_in_any_cut(
    urls: Urls, database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    await write_history(database, chance, 40)
    for chunk in (1, 37, chance.randrange(2, 300), 100_000):
        assert await projections.verify(urls.owner, chunk=chunk) == []


async def test_counts_are_those_of_the_visible_reports(database: Database) -> None:
    await write_history(database, random.Random(7), 60)
    visible = """
        SELECT count(*) FROM log.event AS e
        WHERE type = 'error.reported'
          AND NOT EXISTS (
            SELECT FROM projection.deleted_report AS d WHERE d.position = e.position
          )
          AND NOT EXISTS (
            SELECT FROM projection.erasure AS r
            WHERE r.service = e.service AND r.position > e.position AND r.before > e.occurred_at
          )
    """
    expected = await database.fetch_value(visible)
    assert expected > 0
    assert await database.fetch_value("SELECT sum(reports) FROM projection.hour_count") == expected
    assert await database.fetch_value("SELECT sum(reports) FROM projection.issue_group") >= expected
    assert await database.fetch_value("SELECT min(reports) FROM projection.hour_count") >= 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE projection.hour_count SET reports = reports + 1",
        "DELETE FROM projection.issue",
        "UPDATE projection.api_key SET is_active = NOT is_active",
        "INSERT INTO projection.service VALUES ('ghost', now(), now())",
    ],
)
async def test_a_planted_difference_is_found_and_mended(
    urls: Urls, database: Database, owner: psycopg.AsyncConnection[Any], damage: str
) -> None:
    await write_history(database, random.Random(3), 20)
    await owner.execute(damage.encode())
    assert await projections.verify(urls.owner)
    assert await projections.rebuild(urls.owner)
    assert await projections.verify(urls.owner) == []


async def test_a_baseline_replaces_the_history_before_it(
    urls: Urls, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    chance = random.Random(11)
    await write_history(database, chance, 25)
    head = await event_store.head(database)
    assert await projections.seal(urls.owner, head) == head
    replayed: list[projections.Progress] = []
    assert await projections.verify(urls.owner, replayed.append) == []
    assert replayed == []
    await event_store.append(database, [a_report(chance) for _ in range(20)])
    await owner.execute("UPDATE projection.group_hour SET reports = 0")
    await projections.rebuild(urls.owner, replayed.append)
    assert replayed
    assert await projections.verify(urls.owner) == []


async def test_a_baseline_never_goes_back(urls: Urls, database: Database) -> None:
    await write_history(database, random.Random(5), 5)
    head = await event_store.head(database)
    await projections.seal(urls.owner, head)
    assert await projections.seal(urls.owner, event_store.START) == head


async def test_rebuild_disturbs_no_writer(urls: Urls, database: Database) -> None:
    chance = random.Random(2)
    await write_history(database, chance, 10)
    written = 0

    async def write() -> None:
        nonlocal written
        while not done.is_set():
            await event_store.append(database, [a_report(chance) for _ in range(20)])
            written += 20

    done = asyncio.Event()
    writer = asyncio.create_task(write())
    try:
        for _ in range(3):
            await projections.rebuild(urls.owner)
            assert await projections.verify(urls.owner) == []
    finally:
        done.set()
        await writer
    assert written
    assert await projections.verify(urls.owner) == []


async def test_rebuild_holds_the_log_for_what_came_last_alone(urls: Urls, database: Database) -> None:
    await write_history(database, random.Random(13), 10)
    is_held: list[bool] = []

    def look(_: projections.Progress) -> None:
        with psycopg.connect(urls.owner, autocommit=True) as connection:
            row = connection.execute("SELECT NOT pg_try_advisory_xact_lock_shared(4711)").fetchone()
        assert row is not None
        is_held.append(row[0])

    await projections.rebuild(urls.owner, look, chunk=10)
    assert is_held
    assert not any(is_held)


async def test_a_killed_replay_leaves_nothing_behind(
    urls: Urls, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    await owner.execute("CREATE SCHEMA scratch_0123456789ab")
    assert await projections.verify(urls.owner) == []
    row = await (
        await owner.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'scratch%'")
    ).fetchone()
    assert row == (0,)
