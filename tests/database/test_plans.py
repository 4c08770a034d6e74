"""Every list of issues, and every page of one, is found by indexes: EXPLAIN on a filled table says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import scalar_row

from avalon.database import connect
from avalon.read_models import issue_lists
from avalon.read_models.cursors import Mark
from avalon.read_models.issue_lists import (
    CANDIDATES,
    RARE,
    SAMPLE,
    SORTS,
    _days,
    counting,
    head,
    place,
    statements,
)
from avalon.search import ISSUES, issue_conditions, parse
from avalon.statements import SQL, load
from tests import conftest
from tests.database.test_read_models import nodes

NOW = datetime.now(UTC)
ISSUE = UUID(int=7)
REPORTS = load("errors")
ITEMS = load("issue_items")
# Too large to be read from end to end.
LARGE = {"issue", "issue_group", "group_tag", "group_user", "group_hour"}

# The embedded server's price of a page. At Postgres's own, a disk's that turns, it is a toss whether to read
# 50,000 issues whole.
PRICE = "SET random_page_cost = 1.1"

# What most issues have is found by walking alone: the statement that looks for all of it is never reached.
QUERIES = [
    *("", "is:unresolved", "is:muted", "is:regressed", "is:new", "level:fatal", "service:service-7"),
    *("is:assigned", "type:TypeError170", "type:TypeError17*", "assigned:me", "last:<1h", "first:<1h"),
    *("events:>100000", "orderqueue", '"load order"', "zzz", "zz", "env:canary"),
    *("release:1.4.7", "release:1.4.7*", "tag.server:web-17", "has:tag.nothing", "user:42", "has:user"),
    "is:unresolved level:error env:prod release:1.4.* tag.server:web-1* orderqueue",
]


@pytest.fixture(scope="module")
def filled_urls(cluster: str, template: str) -> Iterator[conftest.Urls]:
    """A database with 50,000 issues, filled as the benchmark's, for all tests here."""
    name = f"{template}_filled"
    with psycopg.connect(cluster, autocommit=True) as connection:
        conftest._create(connection, name, template)
    urls = conftest._urls(cluster, name)
    spec = spec_from_file_location("lists_fill", SQL.parent / "scripts" / "_bench" / "lists_fill.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.fill(urls.owner, 50_000, 61_000)
    yield urls
    conftest._drop(cluster, name)


@pytest.fixture
async def filled(filled_urls: conftest.Urls) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection of the service, as its pool makes them."""
    async with await connect(filled_urls.service) as connection:
        await connection.execute(PRICE)
        yield connection


async def plan_of(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, params: dict[str, Any]
) -> dict[str, Any]:
    """What Postgres would do."""
    cursor = connection.cursor(row_factory=scalar_row)
    await cursor.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), params)
    ((plan,),) = [await cursor.fetchone()]
    found: dict[str, Any] = plan["Plan"]
    return found


def read_whole(plan: dict[str, Any]) -> set[str]:
    """The large tables that a plan reads from end to end."""
    scanned = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
    return {name for name in scanned if name in LARGE or name.startswith("report_")}


def asked(q: str, sort: str, *, is_later: bool = False) -> list[tuple[LiteralString, dict[str, Any]]]:
    """All statements that a list may need, with their parameters."""
    conditions = issue_conditions(parse(q, ISSUES), now=NOW, user=UUID(int=42))
    after: Any = NOW - timedelta(days=1) if sort.endswith("_seen") else 5
    params = conditions.params | place(Mark(NOW, after, ISSUE) if is_later else None)
    params |= _days(NOW) | {
        "row_limit": 51,
        "head": head(conditions),
        "rare": RARE,
        "types": conditions.types,
    }
    params |= {"loudest": [UUID(int=n) for n in range(500)], "candidates": CANDIDATES, "sample": SAMPLE}
    if sort == "trend":
        return [(conditions.put_into(issue_lists.sql.list_trend), params)]
    counts = [counting(conditions)] if conditions.counts else []
    return [(statement, params) for statement in [*counts, *statements(sort, conditions)]]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("q", QUERIES, ids=[q or "everything" for q in QUERIES])
async def test_a_list_is_found_by_an_index(filled: psycopg.AsyncConnection[Any], q: str, sort: str) -> None:
    for is_later in (False, True):
        for statement, params in asked(q, sort, is_later=is_later):
            assert read_whole(await plan_of(filled, statement, params)) == set(), statement


PAGE = {
    "issue": ISSUE,
    "recorded_since": NOW - timedelta(days=9),
    "after_at": None,
    "after_position": None,
    "row_limit": 51,
}
PARTS: dict[str, tuple[LiteralString, dict[str, Any]]] = {
    "items": (
        ITEMS.items,
        {
            "ids": [UUID(int=n) for n in range(1, 51)],
            "recent": NOW,
            "since": NOW - timedelta(days=1),
            "names": 10,
            "groups": 1_000,
        },
    ),
    "find": (ITEMS.find, {"id": ISSUE, "groups": 200}),
    "tags": (ITEMS.tags, {"id": ISSUE, "top": 10, "groups": 1_000}),
    "similar": (ITEMS.similar, {"id": ISSUE, "candidates": 2_000, "nearest": 200, "row_limit": 10}),
    "events": (REPORTS.of_issue, PAGE),
    "events of many groups": (REPORTS.of_large_issue, PAGE),
}


@pytest.mark.parametrize("part", PARTS)
async def test_a_page_of_an_issue_is_found_by_an_index(
    filled: psycopg.AsyncConnection[Any], part: str
) -> None:
    assert read_whole(await plan_of(filled, *PARTS[part])) == set()


# Which index a list stands on. Without it Postgres reads the whole table, or the whole of another index.
NEEDED = {
    "issue_last_seen": ("", "last_seen"),
    "issue_first_seen": ("", "first_seen"),
    "issue_events": ("", "events"),
    "issue_users": ("", "users"),
    "issue_type": ("type:TypeError170", "events"),
    "issue_level": ("level:critical", "last_seen"),
    "issue_substatus": ("is:regressed", "last_seen"),
    "issue_search": ("zzz", "last_seen"),
    "group_tag_key_value_issue_group_idx": ("env:canary", "last_seen"),
    "group_user_user_hash_issue_group_idx": ("user:42", "last_seen"),
}


@pytest.mark.parametrize("index", NEEDED)
async def test_without_its_index_a_list_would_cost_many_times_more(
    filled_urls: conftest.Urls, index: str
) -> None:
    q, sort = NEEDED[index]
    statement, params = asked(q, sort)[-1]
    async with await connect(filled_urls.owner) as owner, owner.transaction(force_rollback=True):
        await owner.execute(PRICE)
        cost = (await plan_of(owner, statement, params))["Total Cost"]
        await owner.execute(f"DROP INDEX projection.{index}".encode())
        assert (await plan_of(owner, statement, params))["Total Cost"] > 5 * cost


async def test_a_table_that_is_read_from_end_to_end_would_be_noticed(filled_urls: conftest.Urls) -> None:
    async with await connect(filled_urls.owner) as owner, owner.transaction(force_rollback=True):
        await owner.execute("DROP INDEX projection.issue_events")
        ((statement, params),) = asked("", "events")
        assert read_whole(await plan_of(owner, statement, params)) == {"issue"}
