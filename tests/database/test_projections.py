"""Replay: whatever happened, in whatever cuts, the projections are what the log says."""

from __future__ import annotations

import asyncio
import hashlib
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
        release=chance.choice([None, "1.2", "1.10", "3f2a9c1"]),
        actor=f"key:{chance.choice(KEYS)}",
        occurred_at=occurred_at,
        data=msgspec.Raw(msgspec.json.encode(some_data(chance))),
    )


def some_data(chance: random.Random) -> dict[str, Any]:
    """A report's data: few tags that come again, and one whose every value is new."""
    tags = {f"tag{n}": chance.choice("abc") for n in range(chance.randrange(4))}
    tags["request"] = f"{chance.getrandbits(32):x}"
    user = {"id": chance.choice(["", "ann", "bob", "eve"]), "email": chance.choice(["", "a@example.com"])}
    data = {"message": f"boom {chance.randrange(3)}", "exceptions": [{"type": "E"}]}
    return data | {"tags": tags, "user": user, "path": "/a"}


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


def tag_hashes(report: Event) -> dict[str, str]:
    """What `log.tags` and `log.tag_hash` make of a report."""
    tags = {"environment": report.environment, "release": report.release, "level": report.level}
    pairs = {key: value for key, value in (report.data["tags"] | tags).items() if value is not None}
    return {short_md5(key): short_md5(f"{key}\x1f{value}") for key, value in pairs.items()}


def short_md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()[:16]


def a_deletion(chance: random.Random, report: Event) -> NewEvent:
    fact = ErrorDeleted(
        report=report.id,
        group=report.stream,
        position=report.position,
        occurred_at=report.occurred_at,
        recorded_at=report.recorded_at,
        tags=tag_hashes(report),
    )
    columns = {
        "service": report.service,
        "level": report.level,
        "environment": report.environment,
        "release": report.release,
    }
    return fact.new(report.stream, "system", **columns)


async def write_history(
    database: Database, chance: random.Random, steps: int, *, erases: bool = True
) -> None:
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
        elif dice < 0.9 or not erases:
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


# What the projections should hold, counted again over the reports that can be seen.
COUNTED = {
    "hour_count": """
        SELECT service, date_trunc('hour', occurred_at), level, coalesce(environment, ''), count(*)
        FROM projection.visible_report GROUP BY 1, 2, 3, 4""",
    "minute_count": """
        SELECT service, date_trunc('minute', occurred_at), level, coalesce(environment, ''), count(*)
        FROM projection.visible_report
        WHERE occurred_at > recorded_at - interval '1 day' GROUP BY 1, 2, 3, 4""",
    "group_hour (issue_group, hour, level, environment, reports)": """
        SELECT stream, date_trunc('hour', occurred_at), level, coalesce(environment, ''), count(*)
        FROM projection.visible_report GROUP BY 1, 2, 3, 4""",
    "group_minute": """
        SELECT stream, date_trunc('minute', occurred_at), level, coalesce(environment, ''), count(*)
        FROM projection.visible_report
        WHERE occurred_at > recorded_at - interval '1 day' GROUP BY 1, 2, 3, 4""",
    "issue_group (id, reports)": "SELECT stream, count(*) FROM projection.visible_report GROUP BY 1",
    "issue (id, events)": """
        SELECT g.issue, count(*) FROM projection.visible_report AS r
        JOIN projection.issue_group AS g ON g.id = r.stream GROUP BY 1""",
}
# An erasure by service forgets these only by and by.
COUNTED_UNLESS_ERASED = {
    "group_tag (issue_group, key, value, reports)": """
        SELECT r.stream, t.key, t.value, count(*)
        FROM projection.visible_report AS r, log.tags(environment, release, level, data) AS t
        GROUP BY 1, 2, 3""",
    "release (service, version, reports)": """
        SELECT service, release, count(*) FROM projection.visible_report
        WHERE release IS NOT NULL GROUP BY 1, 2""",
}
# People who were met stay met, so these are over all reports.
MET = {
    "group_user": """
        SELECT DISTINCT stream, log.user_hash(data) FROM log.event
        WHERE type = 'error.reported' AND log.user_hash(data) IS NOT NULL""",
    "issue (id, users)": """
        SELECT g.issue, count(DISTINCT log.user_hash(r.data)) FROM log.event AS r
        JOIN projection.issue_group AS g ON g.id = r.stream WHERE r.type = 'error.reported' GROUP BY 1""",
}


async def miscounted(owner: psycopg.AsyncConnection[Any], expected: dict[str, str]) -> dict[str, Any]:
    """By table, the rows that differ from what was counted again; rows that count nothing do not matter."""
    found = {}
    for name, query in expected.items():
        table, _, columns = name.partition(" ")
        rows = f"SELECT {columns.strip('()') or '*'} FROM projection.{table}"
        if name not in MET:
            counter = columns.strip("()").split(", ")[-1] or "reports"
            rows += f" WHERE {counter} <> 0"
        both = f"(({rows}) EXCEPT ({query})) UNION ALL (({query}) EXCEPT ({rows}))"
        if differing := await (await owner.execute(both.encode())).fetchall():
            found[name] = differing
    return found


@pytest.mark.parametrize("seed", [7, 8])
async def test_counts_are_those_of_the_visible_reports(
    database: Database, owner: psycopg.AsyncConnection[Any], seed: int
) -> None:
    await write_history(database, random.Random(seed), 60)
    assert await database.fetch_value("SELECT count(*) FROM projection.visible_report") > 0
    assert await miscounted(owner, COUNTED) == {}


async def test_without_erasures_tags_and_people_are_exact_too(
    database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    await write_history(database, random.Random(9), 60, erases=False)
    assert await database.fetch_value("SELECT count(*) FROM projection.deleted_report") > 0
    assert await miscounted(owner, COUNTED | COUNTED_UNLESS_ERASED | MET) == {}
    await owner.execute("UPDATE projection.group_tag SET reports = reports + 1 WHERE key = 'tag0'")
    assert set(await miscounted(owner, COUNTED_UNLESS_ERASED)) == {
        "group_tag (issue_group, key, value, reports)"
    }


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE projection.hour_count SET reports = reports + 1",
        "DELETE FROM projection.issue",
        "UPDATE projection.api_key SET is_active = NOT is_active",
        "INSERT INTO projection.service VALUES ('ghost', now(), now())",
        "UPDATE projection.issue SET events = events + 1",
        "UPDATE projection.issue SET search = ''",
        "UPDATE projection.issue_group SET users = users + 1",
        "UPDATE projection.group_minute SET reports = reports + 1",
        "UPDATE projection.group_tag SET reports = reports + 1",
        "DELETE FROM projection.group_user",
        "UPDATE projection.release SET sort_key = NULL",
        "UPDATE projection.api_key_hour SET issues = 0",
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
