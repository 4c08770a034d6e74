"""What the finders find, and that they find it by the indexes."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import QueryCanceled
from psycopg.rows import scalar_row

from avalon.database import Database, connect
from avalon.errors import BadInput, Unavailable
from avalon.read_models import cursors, errors, receipts, services, stats
from avalon.read_models.cursors import Place
from avalon.read_models.errors import Filter, list_errors
from avalon.search import Conditions
from tests import conftest
from tests.history import a_report, ago, report, write_past

DAYS, REPORTS_A_DAY = 25, 2_000


@pytest.fixture(scope="module")
def past_urls(cluster: str, template: str) -> Iterator[conftest.Urls]:
    """A database with some weeks of reports, for all tests here that only read."""
    name = f"{template}_past"
    with psycopg.connect(cluster, autocommit=True) as connection:
        conftest._create(connection, name, template)
    yield conftest._urls(cluster, name)
    conftest._drop(cluster, name)


@pytest.fixture
async def past(past_urls: conftest.Urls) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection of the service, as its pool makes them."""
    async with await connect(past_urls.owner, statement_timeout="60s") as owner:
        cursor = await owner.execute("SELECT EXISTS (SELECT FROM log.event)")
        if await cursor.fetchone() == (False,):
            await write_past(owner, DAYS, REPORTS_A_DAY)
    async with await connect(past_urls.service) as connection:
        yield connection


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def scans(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, params: dict[str, Any]
) -> list[tuple[str, str]]:
    """Which scan the plan has of which day of the log."""
    cursor = connection.cursor(row_factory=scalar_row)
    await cursor.execute(f"EXPLAIN (FORMAT JSON, VERBOSE) {query}".encode(), params)
    ((plan,),) = [await cursor.fetchone()]
    found = nodes(plan["Plan"])
    return [
        (n["Node Type"], n["Relation Name"])
        for n in found
        if n.get("Relation Name", "").startswith("report_")
    ]


def page(wanted: Filter, after: Place | None = None) -> dict[str, Any]:
    return errors._params(wanted, after, Conditions()) | {"skipped": 0, "row_limit": 51}


WANTED = {
    "everything": Filter(),
    "service": Filter(service="service3"),
    "rare level": Filter(level="fatal"),
    "level that there is not": Filter(level="critical"),
    "common level": Filter(level="error"),
    "environment": Filter(environment="prod"),
    "several": Filter(service="service3", level="warning", environment="prod"),
    "since": Filter(since=ago(days=3)),
    "until": Filter(until=ago(days=3)),
    "time of a service": Filter(service="service3", since=ago(days=9), until=ago(days=3)),
}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
@pytest.mark.parametrize("after", [None, Place(ago(days=5), 20_000)], ids=["first", "later"])
async def test_a_page_is_found_by_an_index(
    past: psycopg.AsyncConnection[Any], wanted: Filter, after: Place | None
) -> None:
    found = await scans(past, errors.sql.list, page(wanted, after))
    assert found
    assert {kind for kind, _ in found} == {"Index Scan"}


async def test_an_issues_page_is_found_by_an_index(past: psycopg.AsyncConnection[Any]) -> None:
    for groups in ([UUID(int=7)], [UUID(int=7), UUID(int=8)]):
        found = await scans(past, errors.sql.list, page(Filter()) | {"groups": groups})
        assert {kind for kind, _ in found} <= {"Index Scan", "Bitmap Heap Scan"}


@pytest.mark.usefixtures("past")
async def test_without_an_index_the_check_would_notice(past_urls: conftest.Urls) -> None:
    async with await connect(past_urls.owner) as owner, owner.transaction(force_rollback=True):
        await owner.execute("DROP INDEX log.report_service, log.report_occurred_at, log.report_level")
        # What is left is the index of ids, whose second column is the service: no way to read a page.
        await owner.execute("SET LOCAL enable_bitmapscan = off")
        await owner.execute("SET LOCAL enable_indexscan = off")
        found = await scans(owner, errors.sql.list, page(Filter(service="service3")))
    assert "Seq Scan" in {kind for kind, _ in found}


async def test_old_days_are_not_looked_at(past: psycopg.AsyncConnection[Any]) -> None:
    everything = await scans(past, errors.sql.list, page(Filter()))
    recent = await scans(past, errors.sql.list, page(Filter(since=ago(hours=30))))
    assert len(everything) >= DAYS
    assert len(recent) <= 3


@pytest.mark.parametrize(
    ("query", "params"),
    [
        (errors.sql.find, {"id": UUID(int=1), "recorded_at": None}),
        (receipts.sql.find, {"position": 4711}),
        (services.sql.newest, {"names": ["service1"], "hours": [ago(days=2)]}),
    ],
    ids=["find", "receipt", "newest"],
)
async def test_single_reports_are_found_by_an_index(
    past: psycopg.AsyncConnection[Any], query: LiteralString, params: dict[str, Any]
) -> None:
    assert {kind for kind, _ in await scans(past, query, params)} <= {"Index Scan", "Bitmap Heap Scan"}


async def test_a_walk_through_all_pages_meets_every_report_once(
    past: psycopg.AsyncConnection[Any], past_urls: conftest.Urls
) -> None:
    database = Database(past_urls.service)
    await database.open()
    seen: list[int] = []
    after: Place | None = None
    wanted = Filter(service="service3", level="error")
    for _ in itertools.count():
        found = await list_errors(database, wanted, after=after, limit=200)
        seen += [item.position for item in found.items]
        if found.next is None:
            break
        after = cursors.decode(found.next)
    await database.close()
    cursor = await past.execute(
        "SELECT count(*) FROM projection.visible_report WHERE service = 'service3' AND level = 'error'"
    )
    assert (len(seen),) == await cursor.fetchone()
    assert len(set(seen)) == len(seen) > 2_000


class GivenUp:
    """A database that takes too long."""

    async def fetch_dicts(self, query: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        raise Unavailable from QueryCanceled()


async def test_a_search_that_takes_too_long_is_to_be_narrowed() -> None:
    database: Any = GivenUp()
    with pytest.raises(BadInput, match="narrow the time"):
        await list_errors(database, Filter(q="x"))


def test_a_cursor_is_read_as_it_was_written() -> None:
    place = Place(datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC), 2**63 - 1)
    assert cursors.decode(cursors.encode(place)) == place


class TestStats:
    """The span of a chart."""

    now = datetime(2026, 5, 4, 12, 34, 56, 789, UTC)

    def span(self, **time: Any) -> stats.Span:
        return stats.span(time.get("since"), time.get("until"), time.get("step"), self.now)

    def test_it_is_widened_to_full_steps(self) -> None:
        found = self.span(step="hour")
        assert found.since == datetime(2026, 5, 3, 12, tzinfo=UTC)
        assert found.until == datetime(2026, 5, 4, 13, tzinfo=UTC)
        assert len(found.steps()) == 25

    def test_full_steps_stay_as_they_are(self) -> None:
        since, until = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 3, tzinfo=UTC)
        assert self.span(since=since, until=until, step="day") == stats.Span(since, until, timedelta(days=1))

    @pytest.mark.parametrize(
        ("hours", "step_s"), [(1, 60), (3, 60), (4, 3600), (24 * 14, 3600), (24 * 15, 86_400)]
    )
    def test_without_a_step_one_is_chosen(self, hours: int, step_s: int) -> None:
        assert self.span(since=self.now - timedelta(hours=hours)).step == timedelta(seconds=step_s)

    @pytest.mark.parametrize(("days", "step_s"), [(31, 60), (32, 3600)])
    def test_before_the_oldest_minutes_there_are_hours(self, days: int, step_s: int) -> None:
        since = self.now - timedelta(days=days)
        found = self.span(since=since, until=since + timedelta(hours=2), step="minute")
        assert found.step == timedelta(seconds=step_s)

    @pytest.mark.parametrize("step", ["0", "59", "61", "-60", "month", "1e3", "²", "9" * 30])
    def test_a_step_that_makes_no_sense_is_refused(self, step: str) -> None:
        with pytest.raises(BadInput, match="step: "):
            self.span(step=step)

    def test_too_many_steps_are_refused(self) -> None:
        with pytest.raises(BadInput, match="more than 2000 steps"):
            self.span(since=self.now - timedelta(days=2), step="minute")

    def test_time_does_not_run_backwards(self) -> None:
        with pytest.raises(BadInput, match="since: "):
            self.span(since=self.now, until=self.now)

    async def test_counts_are_those_of_the_reports(self, database: Database) -> None:
        await report(
            database,
            a_report(service="web", level="fatal", environment="prod"),
            a_report(occurred_at=ago(hours=5)),
            a_report(occurred_at=ago(hours=5)),
            a_report(occurred_at=ago(days=3)),
        )
        now = datetime.now(UTC)
        everything = {"service": None, "level": None, "environment": None}
        for step in ("hour", "minute"):
            found = await stats.read_stats(database, stats.span(None, None, step, now), **everything)
            assert (found.total, found.by_level) == (3, {"fatal": 1, "error": 2})
            assert list(found.by_service.items()) == [("api", 2), ("web", 1)]
            assert sum(step.total for step in found.series) == 3
            assert len(found.series) in ((25,) if step == "hour" else (1440, 1441))
        days = stats.span(now - timedelta(days=10), None, "day", now)
        assert (await stats.read_stats(database, days, **everything)).total == 4
        only = everything | {"level": "fatal", "environment": "prod"}
        assert (await stats.read_stats(database, days, **only)).by_service == {"web": 1}
