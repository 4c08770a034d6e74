"""What people do with issues: every command, what it refuses, and how it is taken back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from avalon import deletions, issues, projections, retention
from avalon.database import Database
from avalon.errors import BadInput, Conflict, Forbidden, NotFound
from avalon.events import (
    ZERO,
    ErrorDeleted,
    IssueAssigned,
    IssueDeleted,
    IssueGroupsMoved,
    IssueIgnored,
    IssueMuted,
    IssueReopened,
    IssueResolved,
    ReportsPurged,
    UserCreated,
    UserDeleted,
)
from avalon.issues.silence import unmute_due
from avalon.read_models.history import read_history
from avalon.read_models.issues import find_issue
from tests.conftest import Urls
from tests.history import a_report, ago, report

ANNA, BEN = f"user:{UUID(int=501)}", f"user:{UUID(int=502)}"
STATE = (
    "status, substatus, assignee, resolved_at, resolved_in, current_release, regressed_at,"
    " muted_until, muted_events, muted_users"
)


def of(group: int) -> UUID:
    """A group's id, and that of the issue that it opens."""
    return UUID(int=group)


async def groups(database: Database, *numbers: int, **columns: Any) -> None:
    """A report of each of these groups, and so an issue."""
    await report(database, *[a_report(number, **columns) for number in numbers])


async def issue(database: Database, group: int | UUID) -> dict[str, Any]:
    id_ = of(group) if isinstance(group, int) else group
    (row,) = await database.fetch_dicts("SELECT * FROM projection.issue WHERE id = %(id)s", {"id": id_})
    return row


async def state(database: Database, group: int) -> dict[str, Any]:
    row = await issue(database, group)
    return {name: row[name] for name in STATE.split(", ")}


async def owner_of(database: Database, group: int) -> UUID | None:
    found: UUID | None = await database.fetch_value(
        "SELECT issue FROM projection.issue_group WHERE id = %(id)s", {"id": of(group)}
    )
    return found


async def facts(database: Database, type_: str) -> list[dict[str, Any]]:
    return await database.fetch_dicts(
        "SELECT * FROM log.event WHERE type = %(type)s ORDER BY position", {"type": type_}
    )


async def visible(database: Database) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM projection.visible_report"))


async def counted(database: Database) -> tuple[int, int]:
    """What the hours and the minutes of all services add up to."""
    hours = await database.fetch_value("SELECT coalesce(sum(reports), 0)::int FROM projection.hour_count")
    minutes = await database.fetch_value("SELECT coalesce(sum(reports), 0)::int FROM projection.minute_count")
    return hours, minutes


class TestDeciding:
    async def test_each_decision_is_a_fact_with_its_actor_and_what_was_before(
        self, database: Database
    ) -> None:
        await groups(database, 1)
        before = await issue(database, 1)
        done = await issues.change(database, of(1), [IssueResolved()], ANNA)
        (fact,) = await facts(database, "issue.resolved")
        assert (fact["stream"], fact["actor"], fact["service"]) == (of(1), ANNA, "api")
        assert fact["data"]["action"] == str(done.action)
        assert fact["data"]["was"]["status"] == "unresolved"
        assert fact["data"]["was"]["stands"] == before["position"]
        after = await issue(database, 1)
        assert (after["status"], after["substatus"], after["position"]) == ("resolved", "", fact["position"])

    @pytest.mark.parametrize(
        ("wanted", "kept"),
        [
            (IssueResolved(), ("", None, "1.10.0")),
            (IssueResolved(in_release="current"), ("in_release", "1.10.0", "1.10.0")),
            (IssueResolved(in_release="1.4.2"), ("in_release", "1.4.2", "1.10.0")),
            (IssueResolved(in_next_release=True), ("in_next_release", None, "1.10.0")),
        ],
        ids=["now", "current", "named", "next"],
    )
    async def test_resolving_remembers_the_release(
        self, database: Database, wanted: IssueResolved, kept: tuple[Any, ...]
    ) -> None:
        await groups(database, 1, release="1.10.0")
        await groups(database, 1, release="1.9.0")
        await issues.change(database, of(1), [wanted], ANNA)
        found = await issue(database, 1)
        assert (found["substatus"], found["resolved_in"], found["current_release"]) == kept
        assert found["resolved_at"] is not None

    async def test_the_current_release_of_a_service_without_one_is_refused(self, database: Database) -> None:
        await groups(database, 1)
        with pytest.raises(BadInput, match="in_release"):
            await issues.change(database, of(1), [IssueResolved(in_release="current")], ANNA)
        assert (await issue(database, 1))["status"] == "unresolved"

    async def test_opening_again_ends_what_went_with_the_status(self, database: Database) -> None:
        await groups(database, 1, release="1.0")
        await issues.change(database, of(1), [IssueResolved(in_release="current")], ANNA)
        await issues.change(database, of(1), [IssueReopened()], ANNA)
        found = await issue(database, 1)
        assert (found["status"], found["substatus"]) == ("unresolved", "ongoing")
        assert (found["resolved_at"], found["resolved_in"], found["current_release"]) == (None, None, None)

    async def test_a_mute_counts_from_what_there_was(self, database: Database) -> None:
        await groups(database, 1, 1, 1)
        until = datetime.now(UTC) + timedelta(hours=1)
        await issues.change(database, of(1), [IssueMuted(until=until, events=100, users=5)], ANNA)
        found = await issue(database, 1)
        assert (found["status"], found["substatus"]) == ("ignored", "muted")
        assert (found["muted_until"], found["muted_events"], found["muted_users"]) == (until, 103, 5)

    async def test_only_somebody_who_is_there_can_be_assigned(self, database: Database) -> None:
        await groups(database, 1)
        with pytest.raises(BadInput, match="assignee"):
            await issues.change(database, of(1), [IssueAssigned(assignee=uuid4())], ANNA)
        await report(
            database, UserCreated(role="member", must_change_password=False).new(UUID(int=501), "system")
        )
        await issues.change(database, of(1), [IssueAssigned(assignee=UUID(int=501))], ANNA)
        assert (await issue(database, 1))["assignee"] == UUID(int=501)

    async def test_two_changes_at_once_are_one_action_and_each_knows_the_state_before(
        self, database: Database
    ) -> None:
        await groups(database, 1)
        before = await state(database, 1)
        done = await issues.change(database, of(1), [IssueIgnored(), IssueAssigned(assignee=None)], ANNA)
        (ignored,), (assigned,) = (
            await facts(database, "issue.ignored"),
            await facts(database, "issue.assigned"),
        )
        assert assigned["data"]["was"]["status"] == "ignored"
        assert assigned["data"]["was"]["stands"] == ignored["position"]
        assert (await issues.undo(database, done.action, BEN)).changed == 2
        assert await state(database, 1) == before

    async def test_an_issue_that_is_not_there_is_not_found(self, database: Database) -> None:
        with pytest.raises(NotFound):
            await issues.change(database, uuid4(), [IssueResolved()], ANNA)


class TestConcurrency:
    async def test_of_two_that_saw_the_same_position_one_wins(self, database: Database) -> None:
        await groups(database, 1)
        seen = (await issue(database, 1))["position"]
        done = await asyncio.gather(
            issues.change(database, of(1), [IssueResolved()], ANNA, expected_position=seen),
            issues.change(database, of(1), [IssueIgnored()], BEN, expected_position=seen),
            return_exceptions=True,
        )
        (lost,) = [one for one in done if isinstance(one, BaseException)]
        assert isinstance(lost, Conflict)
        assert lost.position == (await issue(database, 1))["position"]
        assert str(lost.position) in lost.message
        assert len(await facts(database, "issue.resolved")) + len(await facts(database, "issue.ignored")) == 1

    async def test_without_an_expected_position_both_win(self, database: Database) -> None:
        """The control: it is the position that tells the second one."""
        await groups(database, 1)
        await asyncio.gather(*(issues.change(database, of(1), [IssueResolved()], who) for who in (ANNA, BEN)))
        assert len(await facts(database, "issue.resolved")) == 2

    @pytest.mark.parametrize("has_lock", [True, False], ids=["lock", "no lock"])
    async def test_it_is_the_lock_that_lets_the_second_see_the_first(
        self,
        database: Database,
        owner: psycopg.AsyncConnection[Any],
        urls: Urls,
        has_lock: bool,
    ) -> None:
        """One is held up before its commit; without the lock the other one looks too early and wins too."""
        await groups(database, 1)
        seen = (await issue(database, 1))["position"]
        if not has_lock:
            cursor = await owner.execute("SELECT pg_get_functiondef('log.change_issues'::regproc)")
            ((text,),) = await cursor.fetchall()
            await owner.execute(text.replace("PERFORM pg_advisory_xact_lock(4711);", "").encode())
        async with owner.transaction():
            await owner.execute(
                "SELECT log.change_issues(%s, %s, %s, %s, %s, false)",
                [[of(1)], '[{"type": "issue.resolved", "data": {}}]', ANNA, uuid4(), seen],
            )
            second = asyncio.create_task(
                issues.change(database, of(1), [IssueIgnored()], BEN, expected_position=seen)
            )
            await _waits_for_a_lock(urls)
        if has_lock:
            with pytest.raises(Conflict):
                await second
        else:
            await second
            assert len(await facts(database, "issue.ignored")) == 1

    async def test_of_many_none_may_have_been_decided_about_since(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        head = int(await database.fetch_value("SELECT max(position) FROM log.event"))
        every = [of(1), of(2), of(3)]
        assert (
            await issues.change_all(database, every, [IssueResolved()], ANNA, expected_position=head)
        ).changed == 3
        with pytest.raises(Conflict):
            await issues.change_all(database, every, [IssueIgnored()], BEN, expected_position=head)
        assert await facts(database, "issue.ignored") == []


async def _waits_for_a_lock(urls: Urls) -> None:
    async with await psycopg.AsyncConnection.connect(urls.owner, autocommit=True) as watcher:
        async with asyncio.timeout(5):
            while True:
                cursor = await watcher.execute(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
                row = await cursor.fetchone()
                if row and row[0]:
                    return
                await asyncio.sleep(0.01)


class TestComments:
    async def test_a_comment_is_counted_and_no_decision(self, database: Database) -> None:
        await groups(database, 1)
        before = await issue(database, 1)
        comment, _ = await issues.comment(database, of(1), "  it is the cache \0", ANNA)
        found = await issue(database, 1)
        assert (found["comments"], found["position"]) == (1, before["position"])
        (row,) = await database.fetch_dicts("SELECT * FROM projection.issue_comment")
        assert (row["id"], row["issue"], row["author"]) == (comment, of(1), ANNA)
        assert row["text"] == "it is the cache \ufffd"

    async def test_one_takes_ones_own_comment_away_and_an_admin_anybodys(self, database: Database) -> None:
        await groups(database, 1)
        for is_admin, who in ((False, ANNA), (True, BEN)):
            comment, _ = await issues.comment(database, of(1), "mine", ANNA)
            with pytest.raises(NotFound):
                await issues.delete_comment(database, of(1), comment, BEN)
            await issues.delete_comment(database, of(1), comment, who, is_admin=is_admin)
            with pytest.raises(NotFound):
                await issues.delete_comment(database, of(1), comment, ANNA)
            assert (await issue(database, 1))["comments"] == 0

    async def test_a_deletion_that_is_undone_brings_the_comment_back_as_it_was(
        self, database: Database
    ) -> None:
        await groups(database, 1)
        comment, said = await issues.comment(database, of(1), "mine", ANNA)
        before = await database.fetch_dicts("SELECT * FROM projection.issue_comment")
        gone = await issues.delete_comment(database, of(1), comment, BEN, is_admin=True)
        with pytest.raises(Forbidden):
            await issues.undo(database, gone.action, ANNA)
        again = await issues.undo(database, gone.action, BEN)
        assert await database.fetch_dicts("SELECT * FROM projection.issue_comment") == before
        with pytest.raises(Conflict):
            await issues.undo(database, gone.action, BEN)
        await issues.undo(database, again.action, BEN)
        assert (await issue(database, 1))["comments"] == 0
        with pytest.raises(Conflict):
            await issues.undo(database, said.action, ANNA)

    async def test_a_purge_takes_the_words_of_deleted_comments_away_for_good(
        self, database: Database, urls: Urls
    ) -> None:
        await groups(database, 1, 2)
        twice, _ = await issues.comment(database, of(1), "elm street", ANNA)
        gone = await issues.delete_comment(database, of(1), twice, ANNA)
        await issues.undo(database, gone.action, ANNA)
        gone = await issues.delete_comment(database, of(1), twice, ANNA)
        await issues.comment(database, of(2), "elm street, on an issue that goes", ANNA)
        await issues.change(database, of(2), [IssueDeleted()], ANNA)
        await issues.comment(database, of(1), "harmless", ANNA)
        assert await said(database, "elm street") == 4

        assert (await retention.purge(urls.owner)).comments == 3
        assert (await said(database, "elm street"), await said(database, "harmless")) == (0, 2)
        with pytest.raises(Conflict, match="purged"):
            await issues.undo(database, gone.action, ANNA)
        assert await projections.verify(urls.owner) == []
        assert (await retention.purge(urls.owner)).comments == 0

    async def test_a_purge_takes_those_on_issues_that_were_merged_into_a_deleted_one(
        self, database: Database, urls: Urls
    ) -> None:
        await groups(database, 1, 2, 3, 4)
        for number in (1, 2, 3):
            await issues.comment(database, of(number), "elm street", ANNA)
        await issues.comment(database, of(4), "harmless", ANNA)
        await issues.merge(database, of(2), [of(1)], ANNA)
        await issues.merge(database, of(3), [of(2)], ANNA)
        await issues.change(database, of(3), [IssueDeleted()], ANNA)

        assert (await retention.purge(urls.owner)).comments == 3
        assert (await said(database, "elm street"), await said(database, "harmless")) == (0, 2)
        assert await projections.verify(urls.owner) == []

    async def test_a_purge_is_replayed_apart_from_the_moves_after_it(
        self, database: Database, urls: Urls
    ) -> None:
        await groups(database, 1, 2, 3)
        await issues.comment(database, of(1), "elm street", ANNA)
        await issues.merge(database, of(2), [of(1)], ANNA)
        await issues.change(database, of(2), [IssueDeleted()], ANNA)
        await report(database, ReportsPurged().new(ZERO, "system"))
        moved = IssueGroupsMoved(action=uuid4(), from_=of(3), groups=[of(3)], kind="regroup")
        await report(database, moved.new(of(1), "policy:grouping", service="api"))
        assert (await issue(database, 1))["moved_to"] is None
        for chunk in (1, 10_000):
            assert await projections.verify(urls.owner, chunk=chunk) == []

    @pytest.mark.parametrize("text", ["", "  \n ", "x" * 20_001], ids=["empty", "blank", "long"])
    async def test_a_comment_says_something_and_not_too_much(self, database: Database, text: str) -> None:
        with pytest.raises(BadInput, match="text"):
            await issues.comment(database, of(1), text, ANNA)


async def said(database: Database, words: str) -> int:
    """How many facts and comments hold these words."""
    return int(
        await database.fetch_value(
            "SELECT (SELECT count(*) FROM log.event AS e WHERE e.data::text LIKE %(words)s)"
            " + (SELECT count(*) FROM projection.issue_comment AS c WHERE c.text LIKE %(words)s)",
            {"words": f"%{words}%"},
        )
    )


class TestMerging:
    async def test_groups_move_and_the_issue_that_has_none_left_points_to_where_they_went(
        self, database: Database
    ) -> None:
        await groups(database, 1, 1, 2, 3)
        done = await issues.merge(database, of(1), [of(1), of(2), of(3)], ANNA)
        assert done.changed == 2
        assert (await issue(database, 1))["events"] == 4
        for number in (2, 3):
            gone = await issue(database, number)
            assert (gone["is_hidden"], gone["moved_to"], gone["events"]) == (True, of(1), 0)
            with pytest.raises(Conflict, match=str(of(1))):
                await issues.change(database, of(number), [IssueResolved()], ANNA)

    async def test_an_issue_that_was_merged_away_goes_and_comes_with_the_last_that_it_went_to(
        self, database: Database
    ) -> None:
        async def read() -> list[UUID | None]:
            for number in (2, 3):
                await read_history(database, of(number), cursor=None, limit=1)
            return [(await find_issue(database, of(number))).moved_to for number in (1, 2, 3)]

        await groups(database, 1, 2, 3)
        await issues.merge(database, of(2), [of(3)], ANNA)
        await issues.merge(database, of(1), [of(2)], ANNA)
        assert await read() == [None, of(1), of(1)]
        with pytest.raises(Conflict, match=str(of(1))):
            await issues.change(database, of(3), [IssueResolved()], ANNA)
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        for number in (1, 2, 3):
            with pytest.raises(NotFound):
                await find_issue(database, of(number))
            with pytest.raises(NotFound):
                await read_history(database, of(number), cursor=None, limit=1)
            with pytest.raises(NotFound):
                await issues.change(database, of(number), [IssueResolved()], ANNA)
        await issues.undo(database, gone.action, ANNA, is_admin=True)
        assert await read() == [None, of(1), of(1)]

    async def test_reports_go_where_their_group_is(self, database: Database) -> None:
        await groups(database, 1, 2)
        await issues.merge(database, of(1), [of(2)], ANNA)
        await groups(database, 2)
        assert (await issue(database, 1))["events"] == 3

    async def test_unmerging_sends_all_groups_home(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        await issues.merge(database, of(2), [of(3)], ANNA)
        await issues.merge(database, of(1), [of(2)], ANNA)
        assert (await issues.unmerge(database, of(1), None, BEN)).changed == 2
        for number in (1, 2, 3):
            assert await owner_of(database, number) == of(number)
            found = await issue(database, number)
            assert (found["is_hidden"], found["moved_to"], found["events"]) == (False, None, 1)

    async def test_a_chosen_group_that_is_at_home_gets_an_issue_of_its_own(self, database: Database) -> None:
        await groups(database, 1, 2)
        await issues.merge(database, of(1), [of(2)], ANNA)
        split = await issues.unmerge(database, of(1), [of(1)], BEN)
        new = await owner_of(database, 1)
        assert new not in (of(1), of(2), None)
        assert (await issue(database, new))["events"] == 1
        with pytest.raises(Conflict):
            await issues.unmerge(database, new, None, BEN)
        await issues.undo(database, split.action, BEN)
        assert await owner_of(database, 1) == of(1)
        assert (await issue(database, new))["moved_to"] == of(1)
        await issues.unmerge(database, of(1), None, BEN)
        assert [await owner_of(database, number) for number in (1, 2)] == [of(1), of(2)]

    async def test_a_group_whose_home_was_deleted_gets_a_new_issue(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        await issues.merge(database, of(2), [of(3)], ANNA)
        await issues.unmerge(database, of(2), [of(2)], ANNA)
        new = await owner_of(database, 2)
        await issues.merge(database, of(1), [of(2)], ANNA)
        await issues.change(database, new, [IssueDeleted()], ANNA)
        await issues.unmerge(database, of(1), None, ANNA)
        assert await owner_of(database, 3) == of(3)

    async def test_what_is_not_there_is_not_merged(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        with pytest.raises(NotFound):
            await issues.merge(database, of(1), [of(2), uuid4()], ANNA)
        with pytest.raises(BadInput):
            await issues.merge(database, of(1), [of(1)], ANNA)
        await issues.merge(database, of(1), [of(2)], ANNA)
        with pytest.raises(Conflict):
            await issues.merge(database, of(3), [of(2)], ANNA)
        with pytest.raises(BadInput, match="groups"):
            await issues.unmerge(database, of(1), [of(3)], ANNA)

    async def test_what_is_split_leaves_a_group_with_reports(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        await issues.merge(database, of(1), [of(2), of(3)], ANNA)
        with pytest.raises(Conflict, match="left"):
            await issues.unmerge(database, of(1), [of(1), of(2), of(3)], ANNA)
        (own,) = await database.fetch_dicts(
            "SELECT id FROM projection.visible_report WHERE stream = %(id)s", {"id": of(1)}
        )
        await deletions.delete_report(database, own["id"], ANNA)
        with pytest.raises(Conflict, match="left"):
            await issues.unmerge(database, of(1), None, ANNA)
        assert (await issues.unmerge(database, of(1), [of(2)], ANNA)).changed == 1
        assert (await issue(database, 1))["events"] == 1

    async def test_a_merge_is_not_undone_once_a_group_has_moved_on(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        first = await issues.merge(database, of(1), [of(2)], ANNA)
        second = await issues.merge(database, of(3), [of(1)], ANNA)
        with pytest.raises(Conflict, match="later"):
            await issues.undo(database, first.action, ANNA)
        await issues.undo(database, second.action, ANNA)
        await issues.undo(database, first.action, ANNA)
        assert [await owner_of(database, n) for n in (1, 2, 3)] == [of(1), of(2), of(3)]


class TestDeleting:
    async def test_an_issue_goes_with_its_reports_from_every_list_and_count(self, database: Database) -> None:
        await groups(database, 1, 1, 2)
        assert (await visible(database), await counted(database)) == (3, (3, 3))
        await issues.change(database, of(1), [IssueDeleted()], ANNA)
        assert (await visible(database), await counted(database)) == (1, (1, 1))
        for command in ([IssueResolved()], [IssueDeleted()]):
            with pytest.raises(NotFound):
                await issues.change(database, of(1), command, ANNA)

    async def test_its_reports_leave_the_counts_of_their_releases_until_it_is_restored(
        self, database: Database, urls: Urls
    ) -> None:
        await groups(database, 1, 1, 2, release="1.2")
        await groups(database, 1, release="1.3")
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        assert await of_releases(database) == {"1.2": 1, "1.3": 0}
        await issues.undo(database, gone.action, ANNA, is_admin=True)
        assert await of_releases(database) == {"1.2": 3, "1.3": 1}
        await issues.change(database, of(1), [IssueDeleted()], ANNA)
        await retention.purge(urls.owner)
        assert await of_releases(database) == {"1.2": 1, "1.3": 0}
        for chunk in (1, 10_000):
            assert await projections.verify(urls.owner, chunk=chunk) == []

    async def test_a_release_is_never_counted_below_nothing(self, database: Database, urls: Urls) -> None:
        """A replica of 0.1 that deletes a report doesn't say which tags it had: they stay counted."""
        stored = await report(database, a_report(1, release="1.2"), a_report(1, release="1.2"))
        deletion = await _deletion(database, stored[0].id)
        data = {name: value for name, value in msgspec.json.decode(deletion.data).items() if name != "tags"}
        await report(database, msgspec.structs.replace(deletion, data=msgspec.Raw(msgspec.json.encode(data))))
        await issues.change(database, of(1), [IssueDeleted()], ANNA)
        assert await of_releases(database) == {"1.2": 0}
        assert await projections.verify(urls.owner) == []

    async def test_what_is_reported_next_opens_a_new_issue(self, database: Database) -> None:
        await groups(database, 1, 1)
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        await groups(database, 1)
        new = await owner_of(database, 1)
        assert new not in (None, of(1))
        assert (await issue(database, new))["events"] == 1
        assert (await visible(database), await counted(database)) == (1, (1, 1))
        with pytest.raises(Conflict, match="restored"):
            await issues.undo(database, gone.action, ANNA, is_admin=True)

    async def test_restoring_brings_everything_back(self, database: Database, urls: Urls) -> None:
        await groups(database, 1, 1, 2)
        await issues.merge(database, of(1), [of(2)], ANNA)
        before = await database.fetch_dicts("SELECT * FROM projection.issue_group ORDER BY id")
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        with pytest.raises(Forbidden):
            await issues.undo(database, gone.action, ANNA)
        await issues.undo(database, gone.action, ANNA, is_admin=True)
        assert await database.fetch_dicts("SELECT * FROM projection.issue_group ORDER BY id") == before
        assert (await visible(database), await counted(database)) == (3, (3, 3))
        assert await projections.verify(urls.owner) == []

    async def test_restoring_an_older_one_would_show_what_a_later_deletion_hides(
        self, database: Database
    ) -> None:
        await groups(database, 1)
        first = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        await groups(database, 1)
        new = await owner_of(database, 1)
        second = await issues.change(database, new, [IssueDeleted()], ANNA)
        with pytest.raises(Conflict):
            await issues.undo(database, first.action, ANNA, is_admin=True)
        await issues.undo(database, second.action, ANNA, is_admin=True)
        assert (await visible(database), await counted(database)) == (1, (1, 1))

    async def test_a_service_that_is_erased_meanwhile_does_not_come_back(
        self, database: Database, urls: Urls
    ) -> None:
        await groups(database, 1, 1, 2)
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        await deletions.erase_service(database, "api", None, ANNA)
        await issues.undo(database, gone.action, ANNA, is_admin=True)
        assert (await visible(database), await counted(database)) == (0, (0, 0))
        assert await projections.verify(urls.owner) == []

    async def test_a_purge_takes_its_words_away_for_good(
        self, database: Database, owner: psycopg.AsyncConnection[Any], urls: Urls
    ) -> None:
        await groups(database, 1, message="a word of the deleted", data={"tags": {"colour": "purple"}})
        await groups(database, 2)
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        kept = await issues.change(database, of(2), [IssueDeleted()], ANNA)
        await issues.undo(database, kept.action, ANNA, is_admin=True)
        assert (await retention.purge(urls.owner)).reports == 1
        for table in ("log.event", "projection.issue", "projection.issue_group", "projection.group_tag"):
            for name in (table, table.replace("projection", "baseline")):
                cursor = await owner.execute(
                    f"SELECT count(*) FROM {name} AS t WHERE t::text ~ 'of the deleted|purple'".encode()
                )
                assert await cursor.fetchone() == (0,), name
        with pytest.raises(Conflict, match="purged"):
            await issues.undo(database, gone.action, ANNA, is_admin=True)
        assert await projections.verify(urls.owner) == []
        assert (await retention.purge(urls.owner)).reports == 0

    async def test_what_a_purge_has_begun_with_cannot_be_restored_and_what_it_has_not_stays_whole(
        self, database: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await groups(database, 1, 2)
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        blank, later = retention._blank, []

        async def meanwhile(*args: Any) -> int:
            with pytest.raises(Conflict, match="purged"):
                await issues.undo(database, gone.action, ANNA, is_admin=True)
            later.append(await issues.change(database, of(2), [IssueDeleted()], ANNA))
            return await blank(*args)

        with monkeypatch.context() as patch:
            patch.setattr(retention, "_blank", meanwhile)
            assert (await retention.purge(urls.owner)).reports == 1
        await issues.undo(database, later[0].action, ANNA, is_admin=True)
        (left,) = await database.fetch_dicts("SELECT stream, data FROM projection.visible_report")
        assert (left["stream"], left["data"]["message"]) == (of(2), "boom")
        assert await projections.verify(urls.owner) == []

    @pytest.mark.parametrize("chunk", [1, 2, 1_000])
    async def test_a_report_deleted_in_the_same_moment_is_taken_off_once(
        self, database: Database, urls: Urls, chunk: int
    ) -> None:
        """Who deletes a report has looked before the lock: the fact may come behind the issue's deletion."""
        stored = await report(database, a_report(1, release="1.2"), a_report(1, release="1.2"))
        gone = await issues.change(database, of(1), [IssueDeleted()], ANNA)
        await report(database, await _deletion(database, stored[0].id))
        assert (await visible(database), await counted(database)) == (0, (0, 0))
        assert await of_releases(database) == {"1.2": 0}
        await issues.undo(database, gone.action, ANNA, is_admin=True)
        assert (await visible(database), await counted(database)) == (1, (1, 1))
        assert await of_releases(database) == {"1.2": 1}
        assert (await issue(database, 1))["events"] == 1
        assert await projections.verify(urls.owner, chunk=chunk) == []


async def _deletion(database: Database, stored: UUID) -> Any:
    """The fact that a report is deleted, as the command appends it."""
    (row,) = await database.fetch_dicts(
        """
        SELECT e.*, (
          SELECT jsonb_object_agg(log.tag_hash(t.key), log.tag_hash(t.key, t.value))
          FROM log.tags(e.environment, e.release, e.level, e.data) AS t
        ) AS tags
        FROM log.event AS e
        WHERE e.id = %(id)s
        """,
        {"id": stored},
    )
    names = ("position", "occurred_at", "recorded_at", "tags")
    fact = ErrorDeleted(report=row["id"], group=row["stream"], **{name: row[name] for name in names})
    columns = {name: row[name] for name in ("service", "level", "release")}
    return fact.new(row["stream"], ANNA, **columns)


async def of_releases(database: Database) -> dict[str, int]:
    rows = await database.fetch_dicts("SELECT version, reports FROM projection.release")
    return {row["version"]: row["reports"] for row in rows}


class TestUndo:
    async def test_an_undo_can_be_undone_and_that_too(self, database: Database) -> None:
        await groups(database, 1)
        before = await state(database, 1)
        action = (await issues.change(database, of(1), [IssueResolved()], ANNA)).action
        after = await state(database, 1)
        for expected in (before, after, before, after):
            action = (await issues.undo(database, action, BEN)).action
            assert await state(database, 1) == expected

    async def test_the_last_decision_can_be_undone_and_then_the_one_before(self, database: Database) -> None:
        await groups(database, 1)
        states, actions = [await state(database, 1)], []
        for fact in (IssueResolved(), IssueReopened(), IssueIgnored(), IssueMuted(events=3)):
            actions.append((await issues.change(database, of(1), [fact], ANNA)).action)
            states.append(await state(database, 1))
        with pytest.raises(Conflict, match="later"):
            await issues.undo(database, actions[0], ANNA)
        for action, expected in zip(reversed(actions), reversed(states[:-1]), strict=True):
            await issues.undo(database, action, ANNA)
            assert await state(database, 1) == expected
            with pytest.raises(Conflict):
                await issues.undo(database, action, ANNA)

    async def test_an_action_goes_as_a_whole_or_not_at_all(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        done = await issues.change_all(database, [of(1), of(2), of(3)], [IssueResolved()], ANNA)
        await issues.change(database, of(2), [IssueIgnored()], BEN)
        with pytest.raises(Conflict, match=str(of(2))):
            await issues.undo(database, done.action, ANNA)
        assert (await issue(database, 1))["status"] == "resolved"
        assert await facts(database, "issue.undone") == []
        (first, *_) = await facts(database, "issue.resolved")
        await issues.undo(database, first["id"], ANNA)
        assert (await issue(database, 1))["status"] == "unresolved"

    async def test_what_was_undone_of_an_action_is_left_out(self, database: Database) -> None:
        await groups(database, 1, 2, 3)
        done = await issues.change_all(database, [of(1), of(2), of(3)], [IssueResolved()], ANNA)
        (first, second, _) = await facts(database, "issue.resolved")
        single = await issues.undo(database, first["id"], ANNA)
        twice = await issues.undo(database, second["id"], ANNA)
        await issues.undo(database, twice.action, ANNA)
        await issues.change(database, of(1), [IssueIgnored()], BEN)
        assert (await issues.undo(database, done.action, ANNA)).changed == 2
        statuses = [(await issue(database, number))["status"] for number in (1, 2, 3)]
        assert statuses == ["ignored", "unresolved", "unresolved"]
        for again in (done.action, first["id"], second["id"]):
            with pytest.raises(Conflict, match="undone already"):
                await issues.undo(database, again, ANNA)
        with pytest.raises(Conflict, match="later"):
            await issues.undo(database, single.action, ANNA)

    async def test_nobody_who_is_gone_is_assigned(self, database: Database, urls: Urls) -> None:
        await groups(database, 1, 2)
        user = UUID(int=501)
        await report(database, UserCreated(role="member", must_change_password=False).new(user, "system"))
        await report(database, UserCreated(role="admin", must_change_password=False).new(uuid4(), "system"))
        await issues.change(database, of(1), [IssueAssigned(assignee=user)], ANNA)
        before = (await issue(database, 1))["position"]
        done = await issues.change_all(database, [of(1), of(2)], [IssueAssigned(assignee=None)], BEN)
        back = await issues.undo(database, done.action, BEN)
        assert (back.unassigned, (await issue(database, 1))["assignee"]) == (0, user)
        await issues.undo(database, back.action, BEN)
        await issues.change(database, of(2), [IssueAssigned(assignee=user)], ANNA)
        await report(database, UserDeleted().new(user, "system"))
        assert [(await issue(database, number))["assignee"] for number in (1, 2)] == [None, None]
        (given,) = [fact for fact in await facts(database, "issue.assigned") if fact["stream"] == of(1)][1:]
        back = await issues.undo(database, given["id"], BEN)
        assert (back.changed, back.unassigned) == (1, 1)
        found = await issue(database, 1)
        assert found["assignee"] is None
        assert found["position"] > before
        for chunk in (1, 3, 10_000):
            assert await projections.verify(urls.owner, chunk=chunk) == []

    async def test_what_is_no_decision_is_not_undone(self, database: Database) -> None:
        stored = await report(database, a_report(1))
        (opened,) = await facts(database, "issue.opened")
        with pytest.raises(Conflict, match="opened"):
            await issues.undo(database, opened["id"], ANNA)
        for unknown in (uuid4(), stored[0].id):
            with pytest.raises(NotFound):
                await issues.undo(database, unknown, ANNA)


class TestSilence:
    async def test_a_mute_ends_with_its_time_though_nobody_reports(self, database: Database) -> None:
        await groups(database, 1, 2)
        over = datetime.now(UTC) - timedelta(seconds=1)
        await issues.change(database, of(1), [IssueMuted(until=over)], ANNA)
        await issues.change(database, of(2), [IssueMuted(until=over + timedelta(hours=1))], ANNA)
        assert await unmute_due(database) == 1
        assert await unmute_due(database) == 0
        found = await issue(database, 1)
        assert (found["status"], found["substatus"], found["muted_until"]) == ("unresolved", "ongoing", None)
        (fact,) = await facts(database, "issue.unmuted")
        assert (fact["actor"], fact["data"]["reason"]) == ("policy:unmute", "until")
        await issues.undo(database, fact["id"], ANNA)
        assert (await issue(database, 1))["substatus"] == "muted"

    async def test_while_another_replica_is_at_it_nothing_is_done(
        self, database: Database, owner: psycopg.AsyncConnection[Any]
    ) -> None:
        await groups(database, 1)
        await issues.change(
            database, of(1), [IssueMuted(until=datetime.now(UTC) - timedelta(seconds=1))], ANNA
        )
        async with owner.transaction():
            await owner.execute("SELECT pg_advisory_xact_lock(4714)")
            assert await unmute_due(database) == 0
        assert await unmute_due(database) == 1


class TestMany:
    async def test_many_issues_are_one_action_in_chunks(self, database: Database, urls: Urls) -> None:
        every = [of(number) for number in range(1, 1_201)]
        for begin in range(0, len(every), 400):
            await groups(database, *range(begin + 1, begin + 401), actor=f"key:{UUID(int=begin + 1)}")
        done = await issues.change_all(database, [*every, every[0]], [IssueResolved()], ANNA)
        assert done.changed == len(every)
        assert {fact["data"]["action"] for fact in await facts(database, "issue.resolved")} == {
            str(done.action)
        }
        with pytest.raises(BadInput, match="expected_position"):
            await issues.change_all(database, every, [IssueResolved()], ANNA, expected_position=1)
        assert (await issues.undo(database, done.action, ANNA)).changed == len(every)
        assert await database.fetch_value(
            "SELECT count(*) FROM projection.issue WHERE status = 'unresolved'"
        ) == len(every)

    async def test_very_many_facts_are_taken_back_in_parts_that_are_one_action(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Facts of one issue may fall into two parts: four, of two issues, in parts of three."""
        monkeypatch.setattr("avalon.issues.commands.UNDONE_AT_ONCE", 3)
        await groups(database, 1, 2)
        before = [await state(database, number) for number in (1, 2)]
        both = [IssueResolved(), IssueAssigned(assignee=None)]
        done = await issues.change_all(database, [of(1), of(2)], both, ANNA)
        after = [await state(database, number) for number in (1, 2)]
        undone = await issues.undo(database, done.action, ANNA)
        assert undone.changed == 4
        assert [await state(database, number) for number in (1, 2)] == before
        again = await issues.undo(database, undone.action, ANNA)
        assert again.changed == 4
        assert [await state(database, number) for number in (1, 2)] == after

    async def test_what_stands_in_the_way_of_a_later_part_is_seen_before_the_first(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("avalon.issues.commands.UNDONE_AT_ONCE", 2)
        await groups(database, *range(1, 6))
        done = await issues.change_all(database, [of(n) for n in range(1, 6)], [IssueResolved()], ANNA)
        await issues.change(database, of(1), [IssueIgnored()], BEN)
        with pytest.raises(Conflict, match=str(of(1))) as refused:
            await issues.undo(database, done.action, ANNA)
        assert "done before" not in refused.value.message
        assert await facts(database, "issue.undone") == []

    async def test_a_moved_issue_has_at_most_500_groups_a_fact(self, database: Database) -> None:
        for begin in (1, 401):
            await groups(database, *range(begin, begin + 400))
        await issues.merge(database, of(1), [of(number) for number in range(2, 701)], ANNA)
        await issues.merge(database, of(701), [of(1)], ANNA)
        sizes = [len(fact["data"]["groups"]) for fact in await facts(database, "issue.groups_moved")]
        assert sizes[-2:] == [500, 200]

    @pytest.mark.parametrize("count", [0, 10_001])
    async def test_no_issue_and_too_many_are_refused(self, database: Database, count: int) -> None:
        with pytest.raises(BadInput, match="ids"):
            await issues.change_all(database, [uuid4() for _ in range(count)], [IssueResolved()], ANNA)


async def test_a_service_is_erased_in_parts_by_time(
    urls: Urls, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours in (5, 5, 4, 3, 2, 2):
        await report(database, a_report(hours, occurred_at=ago(hours=hours)))
    await report(database, a_report(1, service="web"))
    monkeypatch.setattr(deletions, "REPORTS_AT_ONCE", 2)
    assert await deletions.erase_service(database, "api", None, ANNA) == 6
    query = (
        "SELECT array_agg(data ->> 'before' ORDER BY position) FROM log.event WHERE type = 'service.erased'"
    )
    told = [datetime.fromisoformat(before) for before in await database.fetch_value(query)]
    hour = ago(hours=0).replace(minute=0, second=0, microsecond=0)
    assert told == [hour - timedelta(hours=4), hour - timedelta(hours=2), deletions.EVERYTHING]
    assert await database.fetch_value("SELECT sum(reports)::int FROM projection.hour_count") == 1
    assert await database.fetch_value("SELECT sum(events)::int FROM projection.issue WHERE is_hidden") == 0
    assert await projections.verify(urls.owner) == []


async def test_fewer_issues_are_deleted_at_once_than_resolved(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await report(database, *(a_report(group) for group in (1, 2, 3)))
    wanted = await database.fetch_value("SELECT array_agg(id) FROM projection.issue")
    monkeypatch.setattr(issues.commands, "DELETED_AT_ONCE", 2)
    for fact, appends in ((IssueResolved(), 1), (IssueDeleted(), 2)):
        assert (await issues.change_all(database, wanted, [fact], ANNA)).changed == 3
        query = "SELECT count(DISTINCT recorded_at)::int FROM log.event WHERE type = %(type)s"
        assert await database.fetch_value(query, {"type": fact.TYPE}) == appends
