"""What reports add up to in groups and issues, and the caps that keep it bounded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from avalon import deletions, event_store, projections
from avalon.database import Database
from avalon.events import IssueGroupsBound, IssueGroupsMoved, NewEvent, ServiceErased, uuid7
from tests.conftest import Urls
from tests.history import a_report, ago, report

Owner = psycopg.AsyncConnection[Any]


async def replace(owner: Owner, function: str, old: str, new: str) -> None:
    """Changes a routine's text, as a control takes a guard out."""
    row = await (await owner.execute("SELECT pg_get_functiondef(%s::regproc)", [function])).fetchone()
    assert row is not None
    assert old in row[0]
    await owner.execute(row[0].replace(old, new).encode())


async def rows(owner: Owner, query: str) -> list[Any]:
    return await (await owner.execute(query.encode())).fetchall()


async def value(owner: Owner, query: str) -> Any:
    return (await rows(owner, query))[0][0]


def tagged(number: int, **tags: str) -> NewEvent:
    return a_report(1, data={"tags": tags, "user": {"id": f"user {number}"}})


async def in_batches(database: Database, events: list[NewEvent], size: int) -> None:
    for start in range(0, len(events), size):
        await event_store.append(database, events[start : start + size])


async def test_an_issue_has_what_its_reports_add_up_to(database: Database, owner: Owner) -> None:
    early, late = ago(hours=30), ago(hours=1)
    await report(database, a_report(1, level="warning", occurred_at=late, data={"user": {"id": "ann"}}))
    await report(
        database, a_report(1, level="fatal", occurred_at=early, data={"user": {"email": "b@example.com"}})
    )
    await report(database, a_report(1, level="info", data={"user": {"id": "ann"}}), a_report(1))
    found = await rows(
        owner, "SELECT events, users, level, first_seen, title, is_hidden, substatus FROM projection.issue"
    )
    assert found == [(4, 2, "fatal", early, "boom", False, "new")]
    assert await value(owner, "SELECT count(*) FROM projection.group_user") == 2


async def test_one_more_report_writes_none_of_its_issues_indexes(database: Database, owner: Owner) -> None:
    at = ago(minutes=5)
    await report(database, *[a_report(1, occurred_at=at) for _ in range(100)])
    found = []
    for guard in ("SELECT", "CREATE INDEX ON projection.issue (events)"):
        async with owner.transaction(force_rollback=True):
            await owner.execute(guard.encode())
            # At this transaction's end, so that the next one counts from nothing.
            await owner.execute("SELECT pg_stat_force_next_flush()")
            await owner.execute(
                """INSERT INTO log.event (id, type, stream, service, level, occurred_at, actor, data)
                SELECT gen_random_uuid(), type, stream, service, level, occurred_at, actor, data
                FROM log.event WHERE type = 'error.reported' LIMIT 1"""
            )
            found += await rows(
                owner,
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
                " WHERE schemaname = 'projection' AND relname = 'issue'",
            )
    assert found == [(1, 1), (1, 0)]


async def test_no_name_of_a_person_stands_in_a_projection(database: Database, owner: Owner) -> None:
    await report(database, a_report(1, data={"user": {"id": "ann", "email": "ann@example.com"}}))
    for (table,) in await rows(owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'projection'"):
        assert (
            await value(owner, f"SELECT count(*) FROM projection.{table} AS t WHERE t::text LIKE '%ann%'")
            == 0
        )


async def test_a_group_keeps_the_first_values_of_a_tag(urls: Urls, database: Database, owner: Owner) -> None:
    await in_batches(database, [tagged(n, request=f"r{n:03}") for n in range(130)], 30)
    await in_batches(database, [tagged(n, request=f"r{n:03}") for n in range(95, 105)], 3)
    kept = await rows(
        owner,
        "SELECT value, reports FROM projection.group_tag"
        " WHERE key = 'request' AND NOT is_overflow ORDER BY value",
    )
    assert kept == [(f"r{n:03}", 2 if n >= 95 else 1) for n in range(100)]
    overflow = await rows(owner, "SELECT key, value, reports FROM projection.group_tag WHERE is_overflow")
    assert overflow == [("request", "", 35)]
    assert await projections.verify(urls.owner, chunk=17) == []


async def test_a_group_keeps_the_first_keys(urls: Urls, database: Database, owner: Owner) -> None:
    await in_batches(database, [tagged(n, **{f"k{n:02}": "v", "same": "v"}) for n in range(60)], 7)
    await report(
        database, a_report(1, environment="prod", release="1.0", data={"tags": {"k59": "v", "k05": "v"}})
    )
    kept = await rows(
        owner,
        "SELECT key, sum(reports) FROM projection.group_tag WHERE NOT is_overflow GROUP BY 1 ORDER BY 1",
    )
    own = {"environment": 1, "level": 61, "release": 1, "same": 60}
    assert dict(kept) == {f"k{n:02}": 1 for n in range(49)} | {"k05": 2} | own
    overflow = await rows(owner, "SELECT key, value, reports FROM projection.group_tag WHERE is_overflow")
    assert overflow == [("", "", 12)]
    assert await projections.verify(urls.owner, chunk=13) == []


async def test_a_group_keeps_the_first_people(urls: Urls, database: Database, owner: Owner) -> None:
    await replace(owner, "log.fold_issue_group", ":= 10000", ":= 8")
    people = [*range(6), *range(3), *range(5, 20)]
    await in_batches(database, [tagged(n) for n in people], 5)
    first = await rows(
        owner,
        """SELECT log.user_hash(jsonb_build_object('user', jsonb_build_object('id', 'user ' || n)))
        FROM generate_series(0, 7) AS n ORDER BY 1""",
    )
    assert await rows(owner, "SELECT user_hash FROM projection.group_user ORDER BY 1") == first
    assert await rows(
        owner, "SELECT g.users, i.users FROM projection.issue_group AS g, projection.issue AS i"
    ) == [(8, 8)]
    assert await projections.verify(urls.owner, chunk=7) == []


@pytest.mark.parametrize(
    ("function", "cap", "counted"),
    [
        (
            "log.fold_tag",
            "_max_values CONSTANT bigint := 100",
            "SELECT count(*) > 100 FROM projection.group_tag WHERE key = 'request'",
        ),
        (
            "log.fold_tag",
            "_max_keys CONSTANT bigint := 50",
            "SELECT count(DISTINCT key) > 60 FROM projection.group_tag",
        ),
    ],
    ids=["values", "keys"],
)
async def test_without_its_cap_a_table_would_grow(
    database: Database, owner: Owner, function: str, cap: str, counted: str
) -> None:
    """The control of the tests above."""
    await replace(owner, function, cap, cap.split("=")[0] + "= 1000000")
    await report(database, *[tagged(n, request=f"r{n}", **{f"k{n}": "v"}) for n in range(120)])
    assert await value(owner, counted)


async def test_a_deleted_report_takes_its_tags_along(urls: Urls, database: Database, owner: Owner) -> None:
    events = [
        a_report(1, environment="prod", data={"tags": {"os": "linux"}}),
        a_report(1, environment="prod", data={"tags": {"os": "mac"}}),
    ]
    await report(database, *events)
    await deletions.delete_report(database, events[0].id, "user:x")
    counts = dict(await rows(owner, "SELECT key || '=' || value, reports FROM projection.group_tag"))
    assert counts == {"os=mac": 1, "environment=prod": 1, "level=error": 1}
    fact = await value(owner, "SELECT data::text FROM log.event WHERE type = 'error.deleted'")
    assert "linux" not in fact
    assert await projections.verify(urls.owner) == []


async def test_a_deleted_report_is_taken_off_the_overflow_that_counted_it(
    urls: Urls, database: Database, owner: Owner
) -> None:
    events = [tagged(n, request=f"r{n}") for n in range(105)]
    await report(database, *events)
    await deletions.delete_report(database, events[103].id, "user:x")
    assert await rows(owner, "SELECT reports FROM projection.group_tag WHERE is_overflow") == [(4,)]
    assert await projections.verify(urls.owner) == []


async def test_an_issue_without_reports_is_hidden_until_the_next(
    urls: Urls, database: Database, owner: Owner
) -> None:
    first = a_report(1, message="first")
    await report(database, first)
    await deletions.delete_report(database, first.id, "user:x")
    look = "SELECT is_hidden, events, title FROM projection.issue"
    assert await rows(owner, look) == [(True, 0, None)]
    assert await value(owner, "SELECT search::text FROM projection.issue") == ""
    await report(database, a_report(1, message="second"))
    assert await rows(owner, look) == [(False, 1, "second")]
    assert await value(owner, "SELECT search @@ 'second'::tsquery FROM projection.issue")
    assert await projections.verify(urls.owner) == []


async def test_an_emptied_issue_adds_nothing_of_its_own_to_the_reports_that_come(
    urls: Urls, database: Database, owner: Owner
) -> None:
    one, other, third = UUID(int=1), UUID(int=2), UUID(int=3)
    await report(database, a_report(1), a_report(2))
    for fact in (
        IssueGroupsMoved(from_=one, groups=[one], kind="merge").new(other, "user:x", service="api"),
        IssueGroupsBound(groups=[third]).new(one, "user:x", service="api"),
    ):
        await event_store.append(database, [fact])
    look = f"SELECT level, first_seen, last_seen, events FROM projection.issue WHERE id = '{one}'"
    assert await rows(owner, look) == [(None, None, None, 0)]
    seen = ago(hours=1).replace(second=0, microsecond=0)
    await report(database, a_report(3, level="info", occurred_at=seen))
    assert await rows(owner, look) == [("info", seen, seen, 1)]
    assert await projections.verify(urls.owner) == []


async def test_an_erased_group_loses_its_tags_and_people(
    urls: Urls, database: Database, owner: Owner
) -> None:
    await report(database, a_report(1, release="1.0", data={"tags": {"os": "linux"}, "user": {"id": "ann"}}))
    erased = ServiceErased(before=ago(days=-400).replace(minute=0, second=0, microsecond=0))
    await event_store.append(database, [erased.new(uuid7(), "system", service="api")])
    for table in ("group_tag", "group_user", "group_minute", "group_hour", "release"):
        assert await rows(owner, f"SELECT * FROM projection.{table}") == []
    assert await rows(owner, "SELECT is_hidden, events, users, title FROM projection.issue") == [
        (True, 0, 0, None)
    ]
    assert await projections.verify(urls.owner) == []


async def test_people_are_counted_once_in_an_issue_of_two_groups(database: Database, owner: Owner) -> None:
    def met(group: int, *people: str) -> list[NewEvent]:
        return [a_report(group, data={"user": {"id": person}}) for person in people]

    await report(database, *met(1, "ann"), *met(2, "bob"))
    await owner.execute("UPDATE projection.issue_group SET issue = %s", [UUID(int=1)])
    await owner.execute("UPDATE projection.issue SET users = 2 WHERE id = %s", [UUID(int=1)])
    await report(database, *met(1, "bob", "eve", "ann"), *met(2, "eve", "ann", "dan"))
    assert await value(owner, f"SELECT users FROM projection.issue WHERE id = '{UUID(int=1)}'") == 4
