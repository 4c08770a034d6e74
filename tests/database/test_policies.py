"""Policies, the facts that follow from reports: issues open up to a cap, come back, and are heard again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon import deletions, event_store, issues, projections
from avalon.database import Database
from avalon.events import IssueGroupsMoved, IssueResolved, NewEvent, uuid7
from avalon.read_models.releases import list_releases
from avalon.statements import SQL
from tests.conftest import Urls
from tests.database.test_issue_folds import in_batches, replace, rows, value
from tests.history import a_report, ago, report

Owner = psycopg.AsyncConnection[Any]
ISSUE = UUID(int=1)
CAP = 1_000


def decided(type_: str, *, occurred_at: datetime | None = None, **data: Any) -> NewEvent:
    """A decision about the first group's issue."""
    return NewEvent(
        id=uuid7(),
        type=type_,
        stream=ISSUE,
        service="api",
        actor="user:x",
        occurred_at=occurred_at,
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


async def facts(owner: Owner, type_: str) -> list[Any]:
    return await rows(owner, f"SELECT stream, data FROM log.event WHERE type = '{type_}' ORDER BY position")


@pytest.mark.parametrize(
    ("resolution", "release", "reopens"),
    [
        # Resolved, while 1.2.0 was the newest: what is older cannot have the fix.
        ({"current_release": "1.2.0"}, None, True),
        ({"current_release": "1.2.0"}, "1.1.9", False),
        ({"current_release": "1.2.0"}, "1.2.0-rc.1", False),
        ({"current_release": "1.2.0"}, "1.2.0", True),
        ({"current_release": "1.2.0"}, "1.10.0", True),
        ({}, "0.1", True),
        # In a release.
        ({"in_release": "1.3.0"}, None, True),
        ({"in_release": "1.3.0"}, "1.2.0", False),
        ({"in_release": "1.3.0"}, "v1.3", True),
        ({"in_release": "1.3.0"}, "1.3.1", True),
        ({"in_release": "1.3.0"}, "3f2a9c1", False),
        # In the next one.
        ({"in_next_release": True, "current_release": "1.2.0"}, None, True),
        ({"in_next_release": True, "current_release": "1.2.0"}, "1.2.0", False),
        ({"in_next_release": True, "current_release": "1.2.0"}, "1.2.1", True),
        ({"in_next_release": True}, "0.1", True),
        # Hashes go by when they were first seen.
        ({"current_release": "newer"}, "older", False),
        ({"current_release": "older"}, "newer", True),
        ({"in_release": "newer"}, "older", False),
        ({"in_release": "older"}, "newer", True),
        ({"in_release": "newer"}, "newer", True),
        ({"in_next_release": True, "current_release": "newer"}, "newer", False),
        ({"in_next_release": True, "current_release": "newer"}, "never seen", True),
    ],
)
async def test_a_regression_goes_by_time_and_release(
    database: Database, owner: Owner, resolution: dict[str, Any], release: str | None, reopens: bool
) -> None:
    await report(database, a_report(1, occurred_at=ago(hours=9), release="older"))
    await report(database, a_report(2, occurred_at=ago(hours=8), release="newer"))
    await report(database, a_report(2, occurred_at=ago(hours=9), release="1.2.0"))
    await event_store.append(database, [decided("issue.resolved", occurred_at=ago(hours=2), **resolution)])
    await report(database, a_report(1, occurred_at=ago(hours=3), release=release))
    assert await facts(owner, "issue.regressed") == []
    back = a_report(1, occurred_at=ago(hours=1), release=release)
    await report(database, back)

    status = await rows(owner, f"SELECT status, substatus FROM projection.issue WHERE id = '{ISSUE}'")
    if not reopens:
        assert await facts(owner, "issue.regressed") == []
        assert status[0][0] == "resolved"
        return
    ((stream, data),) = await facts(owner, "issue.regressed")
    assert (stream, data["group"], data["report"]) == (ISSUE, str(ISSUE), str(back.id))
    assert data["was"]["status"] == "resolved"
    assert status == [("unresolved", "regressed")]


async def test_an_issue_regresses_once_an_append(database: Database, owner: Owner) -> None:
    await report(database)
    await event_store.append(database, [decided("issue.resolved", occurred_at=ago(minutes=5))])
    await report(database, a_report(occurred_at=ago(hours=1)), a_report(), a_report())
    await report(database)
    assert len(await facts(owner, "issue.regressed")) == 1


@pytest.mark.parametrize(
    ("decision", "asked"),
    [(decided("issue.resolved", current_release="2.0"), 2), (decided("issue.muted", events=10**6), 0)],
    ids=["resolved", "muted"],
)
async def test_a_batch_that_changes_nothing_asks_once_a_release_and_reads_no_state(
    database: Database, owner: Owner, decision: NewEvent, asked: int
) -> None:
    """Policies run under the log's lock: what they cost a report, everybody waits for."""
    await report(database, *[a_report(release=release) for release in ("1.0", "1.1", "2.0")])
    await event_store.append(database, [decision])
    await owner.execute(
        b"""
        CREATE SEQUENCE log.asked;
        CREATE OR REPLACE FUNCTION log.compare_releases(service text, one text, other text) RETURNS integer
        LANGUAGE sql STABLE AS 'SELECT -1 FROM nextval(''log.asked'')';
        CREATE OR REPLACE FUNCTION log.decision_state(issue projection.issue) RETURNS jsonb
        LANGUAGE plpgsql STABLE AS 'BEGIN RAISE ''the state of an issue that stays as it is''; END';
        """
    )
    await report(database, *[a_report(release=release) for release in ("1.0", "1.1") for _ in range(20)])
    assert await value(owner, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM log.asked") == asked


@pytest.mark.parametrize(
    ("mute", "quiet", "reason"),
    [
        ({"events": 3, "events_then": 1}, 2, "events"),
        ({"users": 2, "users_then": 0}, 1, "users"),
        ({"until": ago(hours=1)}, 0, "until"),
    ],
    ids=["events", "users", "until"],
)
async def test_a_muted_issue_is_heard_when_its_threshold_is_passed(
    urls: Urls, database: Database, owner: Owner, mute: dict[str, Any], quiet: int, reason: str
) -> None:
    def somebody(number: int) -> NewEvent:
        return a_report(data={"user": {"id": f"user {number}"}})

    await report(database)
    await event_store.append(database, [decided("issue.muted", **mute)])
    for number in range(quiet):
        await report(database, somebody(number))
    assert await facts(owner, "issue.unmuted") == []
    await report(database, somebody(quiet))
    await report(database, somebody(quiet + 1))
    ((_, data),) = await facts(owner, "issue.unmuted")
    assert data["reason"] == reason
    assert await rows(owner, "SELECT status, substatus FROM projection.issue") == [("unresolved", "ongoing")]
    assert await projections.verify(urls.owner) == []


async def test_issues_beyond_the_cap_go_to_the_overflow(urls: Urls, database: Database, owner: Owner) -> None:
    await in_batches(database, [a_report(n + 1, occurred_at=ago(hours=1)) for n in range(CAP - 5)], 300)
    await in_batches(database, [a_report(n + 1) for n in range(CAP - 5, CAP + 600)], 607)
    await report(database, a_report(CAP + 1), a_report(5000))
    assert (
        await value(owner, "SELECT count(*) FROM projection.issue WHERE type IS DISTINCT FROM 'Overflow'")
        == CAP
    )
    assert await rows(
        owner, "SELECT events, service, title LIKE '%limit%' FROM projection.issue WHERE type = 'Overflow'"
    ) == [(602, "api", True)]
    overflowed = await facts(owner, "issue.overflowed")
    assert [len(data["groups"]) for _, data in overflowed] == [500, 100, 1]
    assert await value(owner, "SELECT sum(issues) FROM projection.api_key_hour") == CAP
    assert await projections.verify(urls.owner, chunk=700) == []


async def test_the_cap_is_each_keys_own(database: Database, owner: Owner) -> None:
    await replace(owner, "log.open_issue", ":= 1000", ":= 2")
    other = f"key:{UUID(int=8)}"
    await report(database, *[a_report(n) for n in (1, 2, 3)], *[a_report(n, actor=other) for n in (4, 5)])
    opened = {stream for stream, _ in await facts(owner, "issue.opened")}
    assert opened == {UUID(int=n) for n in (1, 2, 4, 5)}
    ((_, data),) = await facts(owner, "issue.overflowed")
    assert data["groups"] == [str(UUID(int=3))]


async def test_the_cap_is_an_hours(database: Database, owner: Owner) -> None:
    await replace(owner, "log.open_issue", ":= 1000", ":= 1")
    await report(database, a_report(1), a_report(2))
    next_hour = ago(hours=-1).timestamp() * 1_000_000
    await owner.execute("SELECT setval('log.clock', %s)", [int(next_hour)])
    await report(database, a_report(3), a_report(4))
    assert [stream for stream, _ in await facts(owner, "issue.opened")] == [UUID(int=1), UUID(int=3)]


async def test_an_overflow_whose_groups_all_went_elsewhere_lives_again_with_the_next(
    urls: Urls, database: Database, owner: Owner
) -> None:
    await replace(owner, "log.open_issue", ":= 1000", ":= 1")
    await report(database, a_report(1), a_report(2))
    ((overflow, _),) = await facts(owner, "issue.overflowed")
    moved = IssueGroupsMoved(from_=overflow, groups=[UUID(int=2)], kind="regroup")
    await event_store.append(database, [moved.new(ISSUE, "user:x", service="api")])
    look = f"SELECT is_hidden, moved_to, events FROM projection.issue WHERE id = '{overflow}'"
    assert await rows(owner, look) == [(True, ISSUE, 0)]
    await report(database, a_report(3))
    assert await rows(owner, look) == [(False, None, 1)]
    assert await projections.verify(urls.owner) == []


async def test_without_the_cap_every_group_opens_an_issue(database: Database, owner: Owner) -> None:
    """The control of the tests above."""
    await replace(owner, "log.open_issue", ":= 1000", ":= 1000000")
    await report(database, *[a_report(n + 1) for n in range(CAP + 5)])
    assert len(await facts(owner, "issue.opened")) == CAP + 5


async def test_a_group_whose_name_an_issue_has_opens_one_of_another(database: Database, owner: Owner) -> None:
    await report(database)
    # As the deletion of its issue leaves it: the group's row renamed.
    await owner.execute("UPDATE projection.issue_group SET id = %s", [UUID(int=77)])
    await report(database)
    first, second = [stream for stream, _ in await facts(owner, "issue.opened")]
    assert first == ISSUE
    assert second != ISSUE
    assert await value(owner, "SELECT count(*) FROM projection.issue") == 2


async def test_a_rebuild_derives_nothing_twice(urls: Urls, database: Database, owner: Owner) -> None:
    first = a_report()
    await report(database, first, a_report(2))
    await event_store.append(database, [decided("issue.resolved", occurred_at=ago(minutes=1))])
    await report(database)
    await deletions.delete_report(database, first.id, "user:x")
    before = await value(owner, "SELECT count(*) FROM log.event")
    await owner.execute("DELETE FROM projection.issue")
    assert await projections.rebuild(urls.owner)
    assert await value(owner, "SELECT count(*) FROM log.event") == before
    assert await value(owner, "SELECT count(*) FROM log.event WHERE type = 'issue.regressed'") == 1


async def release_key(owner: Owner, release: str) -> Any:
    row = await (await owner.execute("SELECT log.release_key(%s)", [release])).fetchone()
    assert row is not None
    return row[0]


# Each list in its order, oldest first; equal ones stand together.
ORDERS = {
    "semver": [
        ["1.0.0-alpha"],
        ["1.0.0-alpha.1"],
        ["1.0.0-alpha.beta"],
        ["1.0.0-beta"],
        ["1.0.0-beta.2"],
        ["1.0.0-beta.11"],
        ["1.0.0-rc.1"],
        ["1.0.0", "1.0", "v1", "1.0.0+20130313"],
        ["1.0.1-0"],
        ["1.0.1"],
        ["1.2"],
        ["1.10"],
        ["2.0.0-1"],
        ["2.0.0-x"],
        ["2"],
    ],
    "packages": [
        ["web@1.2.3-rc", "@shop/web@1.2.3-rc"],
        ["web@1.2.3", "web@1.2.3+7", "1.2.3"],
        ["web@1.2.4"],
    ],
    "dates": [
        ["2025-12-31", "2025.12.31"],
        ["2026-02-01", "2026.2.1"],
        ["2026.11.02", "2026-11-02"],
        ["2026.11.02.1"],
    ],
    "four parts": [["4.8.3761.0", "4.8.3761"], ["4.8.3761.9"], ["4.8.9037.0"], ["4.8.10000.0"]],
    "numbers": [["99"], ["100"], ["20261102"], ["123456789012345678"]],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
async def test_releases_sort_by_their_keys(owner: Owner, order: list[list[str]]) -> None:
    keys = [[await release_key(owner, release) for release in same] for same in order]
    assert all(len(set(same)) == 1 for same in keys)
    flat = [same[0] for same in keys]
    assert [key.encode() for key in flat] == sorted(key.encode() for key in flat)
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize(
    "release",
    [
        "3f2a9c1",
        "main",
        "",
        "release-7",
        "1.2.3_4",
        "1..2",
        "1.2.",
        "1.2.3.4.5.6.7",
        "9" * 40,
        "1.2-",
        "a@b",
        "1.2\n",
    ],
)
async def test_what_is_no_version_has_no_key(owner: Owner, release: str) -> None:
    assert await release_key(owner, release) is None


async def test_a_late_report_is_no_regression_however_late_it_was_resolved(
    database: Database, owner: Owner
) -> None:
    """The instant itself is not after the resolution."""
    await report(database)
    at = ago(minutes=1)
    await event_store.append(database, [decided("issue.resolved", occurred_at=at)])
    await report(database, a_report(occurred_at=at))
    assert await facts(owner, "issue.regressed") == []
    await report(database, a_report(occurred_at=at + timedelta(microseconds=1)))
    assert len(await facts(owner, "issue.regressed")) == 1


FAR_AHEAD = "99999.0.0"


async def a_release_far_ahead(database: Database) -> UUID:
    """One report of a release that nobody made; says which."""
    await report(database, a_report(1, occurred_at=ago(hours=9), release="1.4.2"))
    (stored,) = await report(database, a_report(2, occurred_at=ago(hours=8), release=FAR_AHEAD))
    return stored.id


async def take_back(database: Database, poison: UUID, how: str) -> None:
    if how == "deleted":
        await deletions.delete_report(database, poison, "user:x")
    else:
        await deletions.erase_service(database, "api", None, "user:x")
        await report(database, a_report(1, occurred_at=ago(hours=7), release="1.4.2"))


RESOLUTIONS = [IssueResolved(), IssueResolved(in_release="current"), IssueResolved(in_next_release=True)]


@pytest.mark.parametrize("resolution", RESOLUTIONS, ids=["now", "current", "next"])
@pytest.mark.parametrize("how", ["deleted", "erased"])
async def test_a_release_far_ahead_is_healed_by_deleting_its_reports(
    database: Database, owner: Owner, how: str, resolution: IssueResolved
) -> None:
    poison = await a_release_far_ahead(database)
    assert await value(owner, "SELECT log.newest_release('api')") == FAR_AHEAD
    await take_back(database, poison, how)
    assert await value(owner, "SELECT log.newest_release('api')") == "1.4.2"

    await issues.change(database, ISSUE, [resolution], "user:x")
    await report(database, a_report(release="1.4.1"))
    assert await facts(owner, "issue.regressed") == []
    await report(database, a_report(release="1.5.0"))
    assert len(await facts(owner, "issue.regressed")) == 1


@pytest.mark.parametrize("resolution", RESOLUTIONS, ids=["now", "current", "next"])
@pytest.mark.parametrize("how", ["deleted", "erased", None], ids=["deleted", "erased", "kept"])
async def test_a_resolution_by_a_release_that_is_gone_goes_by_time_alone(
    database: Database, owner: Owner, how: str | None, resolution: IssueResolved
) -> None:
    poison = await a_release_far_ahead(database)
    await issues.change(database, ISSUE, [resolution], "user:x")
    if how:
        await take_back(database, poison, how)
    await report(database, a_report(occurred_at=ago(hours=1), release="1.5.0"))
    assert await facts(owner, "issue.regressed") == []
    await report(database, a_report(release="1.5.0"))
    assert len(await facts(owner, "issue.regressed")) == (1 if how else 0)


@pytest.mark.parametrize("reports", [1, 0], ids=["left", "deleted"])
async def test_a_release_without_reports_is_listed_no_more(
    database: Database, owner: Owner, reports: int
) -> None:
    await a_release_far_ahead(database)
    await owner.execute("UPDATE projection.release SET reports = %s WHERE version = %s", [reports, FAR_AHEAD])
    assert len((await list_releases(database, service=None, cursor=None, limit=10)).items) == 1 + reports


async def test_the_newest_release_is_found_by_its_index(owner: Owner) -> None:
    await owner.execute(
        b"INSERT INTO projection.release SELECT 'api', n::text, lpad(n::text, 9, '0'), now(), now(), 1"
        b" FROM generate_series(1, 5000) AS n"
    )
    await owner.execute(b"ANALYZE projection.release")
    text = (SQL / "routines" / "newest_release.sql").read_text()
    query = text.split("$$")[1].replace("newest_release.service", "'api'").rstrip().rstrip(";")
    plan = await rows(owner, "EXPLAIN" + query)
    assert any("using release_newest" in line for (line,) in plan)
    assert not any("Sort" in line for (line,) in plan)
