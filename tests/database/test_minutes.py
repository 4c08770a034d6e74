"""Counts by minute go when they are old, a few at a time, and everything else stays exact."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from avalon import deletions, event_store, issues, minutes, projections, retention
from avalon.database import Database
from avalon.events import IssueDeleted
from tests.conftest import Urls
from tests.database.test_retention import a_report as a_report_of_today
from tests.database.test_retention import begin_day
from tests.history import a_report, ago, report

Owner = psycopg.AsyncConnection[Any]
ANNA = f"user:{UUID(int=7)}"
SUM = "SELECT coalesce(sum(reports), 0)::int FROM projection."


async def value(owner: Owner, query: str) -> Any:
    row = await (await owner.execute(query.encode())).fetchone()
    return row[0] if row else None


async def facts(owner: Owner) -> list[str]:
    query = (
        "SELECT type FROM log.event WHERE type IN ('minutes.expired', 'reports.expired') ORDER BY position"
    )
    return [row[0] for row in await (await owner.execute(query)).fetchall()]


async def an_hour_of_minutes(database: Database) -> datetime:
    """A report in each of ten minutes, of two groups in turns; the first of the minutes."""
    first = ago(hours=3).replace(second=0, microsecond=0)
    for number in range(10):
        at = first + timedelta(minutes=number)
        await report(database, a_report(1 + number % 2, occurred_at=at))
    return first


async def test_old_minutes_go_a_few_at_a_time_and_hours_stay(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await an_hour_of_minutes(database)
    monkeypatch.setattr(minutes, "ROWS_AT_ONCE", 4)
    # Each minute is a row of the group and one of the service.
    assert await minutes.expire_minutes(owner, first + timedelta(minutes=7)) == 4
    assert await value(owner, f"{SUM}group_minute") == 3
    assert await value(owner, f"{SUM}minute_count") == 3
    assert await value(owner, f"{SUM}group_hour") == 10
    assert await value(owner, f"{SUM}hour_count") == 10
    assert await minutes.expire_minutes(owner, first + timedelta(minutes=7)) == 0
    for chunk in (1, 7, 1000):
        assert await projections.verify(urls.owner, chunk=chunk) == []


async def test_the_service_lets_go_of_what_is_past_its_life(database: Database, owner: Owner) -> None:
    await an_hour_of_minutes(database)
    async with database.connection() as connection:
        assert await minutes.expire_minutes(connection, minutes.oldest_minute(datetime.now(UTC))) == 0
        later = datetime.now(UTC) + minutes.LIFE + timedelta(days=1)
        assert await minutes.expire_minutes(connection, minutes.oldest_minute(later)) == 1
    assert await value(owner, f"{SUM}group_minute") == 0


async def test_deletions_take_off_the_minutes_that_are_left(
    urls: Urls, database: Database, owner: Owner
) -> None:
    first = await an_hour_of_minutes(database)
    await minutes.expire_minutes(owner, first + timedelta(minutes=6))
    query = "SELECT id FROM log.event WHERE type = 'error.reported' ORDER BY occurred_at LIMIT 1"
    await deletions.delete_report(database, await value(owner, query), ANNA)
    assert await value(owner, f"{SUM}minute_count") == 4
    issue = await value(owner, f"SELECT issue FROM projection.issue_group WHERE id = '{UUID(int=1)}'")
    done = await issues.change(database, issue, [IssueDeleted()], ANNA)
    assert await value(owner, f"{SUM}minute_count") == 2
    await minutes.expire_minutes(owner, first + timedelta(minutes=8))
    assert await value(owner, f"{SUM}minute_count") == 1
    await issues.undo(database, done.action, ANNA, is_admin=True)
    assert await value(owner, f"{SUM}minute_count") == 2
    assert await value(owner, f"{SUM}group_minute") == 2
    for chunk in (1, 3, 1000):
        assert await projections.verify(urls.owner, chunk=chunk) == []


async def test_the_minutes_of_a_day_go_before_the_day(
    urls: Urls, database: Database, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date()
    await begin_day(owner, today)
    for group in range(1, 4):
        await event_store.append(database, [a_report_of_today(group)])
    await begin_day(owner, today + timedelta(days=1))
    await event_store.append(database, [a_report_of_today()])
    monkeypatch.setattr(minutes, "ROWS_AT_ONCE", 1)
    assert await retention.expire_older_than(urls.owner, 0) == [today]
    told = await facts(owner)
    assert told == ["minutes.expired"] * (len(told) - 1) + ["reports.expired"]
    assert len(told) > 1
    assert await value(owner, f"{SUM}group_minute") == 1
    assert await projections.verify(urls.owner) == []


@pytest.mark.parametrize("seed", range(2))
async def test_any_history_with_them_replays_the_same_in_any_cut(
    urls: Urls, database: Database, owner: Owner, seed: int
) -> None:
    chance = random.Random(seed)
    first = ago(hours=5)
    stored: list[UUID] = []
    for _ in range(25):
        at = first + timedelta(minutes=chance.randrange(240))
        batch = [a_report(chance.randrange(1, 5), occurred_at=at) for _ in range(chance.randrange(1, 4))]
        stored += [one.id for one in await report(database, *batch)]
        dice = chance.random()
        if dice < 0.3:
            await deletions.delete_report(database, stored.pop(chance.randrange(len(stored))), ANNA)
        elif dice < 0.6:
            await minutes.expire_minutes(owner, first + timedelta(minutes=chance.randrange(240)))
    assert "minutes.expired" in await facts(owner)
    for chunk in (1, 5, chance.randrange(2, 40), 1000):
        assert await projections.verify(urls.owner, chunk=chunk) == []
