"""Random lives of issues against a plain model: projections are what it says, and so is a replay."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from avalon import deletions, issues, projections
from avalon.auth import ApiKey
from avalon.database import Database
from avalon.errors import Conflict, NotFound
from avalon.events import (
    ZERO,
    IssueAssigned,
    IssueDeleted,
    IssueIgnored,
    IssueMuted,
    IssueReopened,
    IssueResolved,
    ReportsPurged,
    UserCreated,
    UserDeleted,
    uuid7,
)
from avalon.feedback import Feedback, Feedbacks
from tests.conftest import Urls
from tests.history import a_report, ago, report
from tests.issue_model import Action, Model, Refused

SERVICES = ("api", "web")
RELEASES = (None, "1.9.0", "1.10.0", "2.0")
USERS = [UUID(int=501), UUID(int=502)]
ACTOR = f"user:{USERS[0]}"
KINDS = (
    *("resolve", "resolve", "reopen", "ignore", "mute", "assign", "comment", "uncomment", "bulk"),
    *("merge", "merge", "unmerge", "split", "delete", "feedback"),
)


class Walk:
    """One random life: each step is done in the database and in the model, which must agree."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.chance = random.Random(seed)
        self.model = Model()
        self.actions: list[tuple[UUID, Action]] = []
        self.reports: list[UUID] = []

    async def begin(self) -> None:
        for user in USERS:
            await report(
                self.database, UserCreated(role="admin", must_change_password=False).new(user, "system")
            )
        for group in range(1, 9):
            await self.report(group)

    async def live(self, steps: int) -> None:
        """Everything that can happen."""
        for _ in range(steps):
            dice = self.chance.random()
            if dice < 0.35:
                await self.report(self.chance.randrange(1, 9))
            elif dice < 0.42:
                await self.delete_report()
            elif dice < 0.44:
                await self.erase()
            elif dice < 0.455:
                await report(self.database, ReportsPurged().new(ZERO, "system"))
                self.model.purge()
            elif dice < 0.465 and not self.model.gone:
                await report(self.database, UserDeleted().new(USERS[1], "system"))
                self.model.delete_user(USERS[1])
            elif dice < 0.60 and self.actions:
                await self.undo(*self.chance.choice(self.actions[-6:]))
            else:
                await self.command()
            await self.compare()

    async def report(self, number: int) -> None:
        service, group = SERVICES[number % 2], UUID(int=number)
        user, release = self.chance.randrange(4), self.chance.choice(RELEASES)
        is_late = self.chance.random() < 0.2
        data = {"user": {"id": str(user)}}
        columns: dict[str, Any] = {"occurred_at": ago(hours=2)} if is_late else {}
        (stored,) = await report(
            self.database, a_report(number, service=service, release=release, data=data, **columns)
        )
        if group not in self.model.groups:
            issue = await self.database.fetch_value(
                "SELECT issue FROM projection.issue_group WHERE id = %(id)s", {"id": group}
            )
            assert issue not in self.model.states
            self.model.open(group, service, issue)
        self.model.report(group, service, stored.id, user, release, is_late)
        self.reports.append(stored.id)

    async def delete_report(self) -> None:
        id_ = self.chance.choice(self.reports)
        if any(id_ in group.reports for group in self.model.groups.values()):
            await deletions.delete_report(self.database, id_, ACTOR)
            self.model.delete_report(id_)
        else:
            with pytest.raises(NotFound):
                await deletions.delete_report(self.database, id_, ACTOR)

    async def erase(self) -> None:
        service = self.chance.choice(SERVICES)
        await deletions.erase_service(self.database, service, None, ACTOR)
        self.model.erase(service)

    async def undo(self, id_: UUID, action: Action) -> None:
        try:
            undone = self.model.take_back(action)
        except Refused:
            with pytest.raises(Conflict):
                await issues.undo(self.database, id_, ACTOR, is_admin=True)
            return
        done = await issues.undo(self.database, id_, ACTOR, is_admin=True)
        self.actions.append((done.action, undone))

    async def command(self) -> None:
        """A command of somebody about one issue, two, or three."""
        visible = self.model.visible()
        if not visible:
            return
        kind = self.chance.choice(KINDS)
        await getattr(self, f"_{kind}")(self.chance.choice(visible), visible)

    async def _resolve(self, issue: UUID, visible: list[UUID]) -> None:
        newest = self.model.newest(await self.service(issue))
        kinds: list[tuple[IssueResolved, dict[str, Any]]] = [
            (IssueResolved(), {"substatus": ""}),
            (IssueResolved(in_next_release=True), {"substatus": "in_next_release"}),
            (IssueResolved(in_release="1.10.0"), {"substatus": "in_release", "resolved_in": "1.10.0"}),
        ]
        if newest:
            current = {"substatus": "in_release", "resolved_in": newest}
            kinds.append((IssueResolved(in_release="current"), current))
        fact, changes = self.chance.choice(kinds)
        await self.change(issue, fact, status="resolved", current_release=newest, **changes)

    async def _reopen(self, issue: UUID, visible: list[UUID]) -> None:
        await self.change(issue, IssueReopened(), status="unresolved", substatus="ongoing")

    async def _ignore(self, issue: UUID, visible: list[UUID]) -> None:
        await self.change(issue, IssueIgnored(), status="ignored", substatus="ignored")

    async def _mute(self, issue: UUID, visible: list[UUID]) -> None:
        events, users = self.chance.choice([(1, None), (3, 1), (None, 1)])
        fact = IssueMuted(events=events, users=users)
        changes = {"muted_events": events, "muted_users": users}
        await self.change(issue, fact, status="ignored", substatus="muted", **changes)

    async def _assign(self, issue: UUID, visible: list[UUID]) -> None:
        user = self.chance.choice([*(user for user in USERS if user not in self.model.gone), None])
        await self.change(issue, IssueAssigned(assignee=user), assignee=user)

    async def _comment(self, issue: UUID, visible: list[UUID]) -> None:
        comment, done = await issues.comment(self.database, issue, "so it is", ACTOR)
        self.actions.append((done.action, self.model.comment(issue, comment)))

    async def _feedback(self, issue: UUID, visible: list[UUID]) -> None:
        """The user of a program about one of the issue's reports, whichever issue that was opened for."""
        service = await self.service(issue)
        reports = sorted(set[UUID]().union(*(group.reports for group in self.model.groups_of(issue))))
        said = Feedback(text="help", name="Jane", report=self.chance.choice(reports), id=uuid7())
        key = ApiKey(UUID(int=9), service, f"key:{UUID(int=9)}", None, ())
        assert await Feedbacks(self.database).comment(key, said)
        comment = said.id_of(service)
        self.actions.append((comment, self.model.comment(issue, comment)))

    async def _uncomment(self, issue: UUID, visible: list[UUID]) -> None:
        for comment, of in self.model.comments.items():
            done = await issues.delete_comment(self.database, of, comment, ACTOR, is_admin=True)
            self.actions.append((done.action, self.model.delete_comment(comment)))
            return

    async def _bulk(self, issue: UUID, visible: list[UUID]) -> None:
        some = self.chance.sample(visible, min(3, len(visible)))
        with pytest.raises(NotFound):
            await issues.change_all(self.database, [*some, uuid7()], [IssueIgnored()], ACTOR)
        done = await issues.change_all(self.database, some, [IssueIgnored()], ACTOR)
        assert done.changed == len(some)
        action = self.model.decide(some, status="ignored", substatus="ignored")
        self.actions.append((done.action, action))

    async def _merge(self, issue: UUID, visible: list[UUID]) -> None:
        others = [other for other in visible if other != issue]
        if others:
            other = self.chance.choice(others)
            done = await issues.merge(self.database, issue, [other], ACTOR)
            self.actions.append((done.action, self.model.merge(issue, other)))

    async def _unmerge(self, issue: UUID, visible: list[UUID]) -> None:
        moved = [group.id for group in self.model.groups_of(issue) if group.home != issue]
        if not moved:
            with pytest.raises(Conflict):
                await issues.unmerge(self.database, issue, None, ACTOR)
            return
        await self.send_home(issue, moved, None)

    async def _split(self, issue: UUID, visible: list[UUID]) -> None:
        here = [group.id for group in self.model.groups_of(issue)]
        if len(here) > 1:
            chosen = self.chance.sample(here, self.chance.randrange(1, len(here)))
            await self.send_home(issue, chosen, chosen)

    async def send_home(self, issue: UUID, moved: list[UUID], chosen: list[UUID] | None) -> None:
        if not any(group.reports for group in self.model.groups_of(issue) if group.id not in moved):
            with pytest.raises(Conflict):
                await issues.unmerge(self.database, issue, chosen, ACTOR)
            return
        done = await issues.unmerge(self.database, issue, chosen, ACTOR)
        moves = {}
        for id_ in moved:
            home = self.model.groups[id_].home
            if home == issue or self.model.is_deleted(home):
                home = await self.database.fetch_value(
                    "SELECT issue FROM projection.issue_group WHERE id = %(id)s", {"id": id_}
                )
                assert home != issue
                if home not in self.model.states:
                    self.model.add(home)
            moves[id_] = (home, home)
        self.actions.append((done.action, self.model.move(moves)))

    async def _delete(self, issue: UUID, visible: list[UUID]) -> None:
        done = await issues.change(self.database, issue, [IssueDeleted()], ACTOR)
        self.actions.append((done.action, self.model.delete(issue)))

    async def change(self, issue: UUID, fact: Any, **changes: Any) -> None:
        done = await issues.change(self.database, issue, [fact], ACTOR)
        self.actions.append((done.action, self.model.decide([issue], **changes)))

    async def service(self, issue: UUID) -> str:
        return str(
            await self.database.fetch_value(
                "SELECT service FROM projection.issue WHERE id = %(id)s", {"id": issue}
            )
        )

    async def compare(self) -> None:
        """The issues that are to be seen, and the counts of services, are the model's."""
        assert await self.projected() == self.expected()
        counted = await self.database.fetch_dicts(
            "SELECT service, sum(reports)::int AS reports FROM projection.hour_count"
            " GROUP BY service HAVING sum(reports) <> 0 ORDER BY service"
        )
        live = {service: 0 for service in SERVICES}
        for group in self.model.groups.values():
            live[group.service] += len(group.reports)
        assert {row["service"]: row["reports"] for row in counted} == {s: n for s, n in live.items() if n}
        visible = await self.database.fetch_dicts("SELECT id FROM projection.visible_report")
        assert {row["id"] for row in visible} == set[UUID]().union(
            *(group.reports for group in self.model.groups.values())
        )

    async def projected(self) -> dict[UUID, tuple[Any, ...]]:
        rows = await self.database.fetch_dicts(
            "SELECT * FROM projection.issue WHERE NOT is_hidden ORDER BY id"
        )
        return {row["id"]: tuple(row[name] for name in COLUMNS) for row in rows}

    def expected(self) -> dict[UUID, tuple[Any, ...]]:
        found = {}
        for issue in self.model.visible():
            comments = sum(of == issue for of in self.model.comments.values())
            more = {
                "events": self.model.events(issue),
                "users": self.model.users(issue),
                "comments": comments,
            }
            state = self.model.states[issue]
            found[issue] = tuple(more[name] if name in more else getattr(state, name) for name in COLUMNS)
        return found


COLUMNS = (
    *("status", "substatus", "assignee", "resolved_in", "current_release", "muted_events", "muted_users"),
    *("events", "users", "comments"),
)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_issues_are_what_the_model_says(
    urls: Urls, database: Database, seed: int
) -> None:
    walk = Walk(database, seed)
    await walk.begin()
    await walk.live(70)
    for chunk in (1, 7, 10_000):
        assert await projections.verify(urls.owner, chunk=chunk) == []


@pytest.mark.parametrize("seed", range(10, 12))
async def test_all_commands_undone_in_reverse_give_the_state_before(
    urls: Urls, database: Database, seed: int
) -> None:
    walk = Walk(database, seed)
    await walk.begin()
    await walk.live(20)
    walk.actions.clear()
    before, groups, counted = await walk.projected(), await bound(database), await of_releases(database)
    for _ in range(25):
        await walk.command()
    done = [id_ for id_, _ in walk.actions]
    assert await walk.projected() != before
    for id_ in reversed(done):
        await issues.undo(database, id_, ACTOR, is_admin=True)
    assert await walk.projected() == before
    assert await bound(database) == groups
    assert await of_releases(database) == counted
    assert await projections.verify(urls.owner) == []


@pytest.mark.parametrize(
    ("routine", "line"),
    [
        ("check_undo", "WHERE d.left_standing <> coalesce("),
        ("fold_ownership", "_sign := -1;"),
        ("fold_decision", "split_part(_fact.type, '.', 2)"),
    ],
)
async def test_a_routine_that_forgets_something_is_found_out(
    database: Database, owner: psycopg.AsyncConnection[Any], routine: str, line: str
) -> None:
    """The control: later decisions are overrun, what is deleted stays counted, what is ignored is muted."""
    cursor = await owner.execute("SELECT pg_get_functiondef(%s::regproc)", [f"log.{routine}"])
    ((text,),) = await cursor.fetchall()
    assert line in text
    broken = {
        "check_undo": "WHERE false AND d.left_standing <> coalesce(",
        "fold_ownership": "_sign := 0;",
        "fold_decision": "'muted'",
    }
    await owner.execute(text.replace(line, broken[routine]).encode())
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        walk = Walk(database, 2)
        await walk.begin()
        await walk.live(500)  # as long as it takes: the first difference ends it


async def of_releases(database: Database) -> list[dict[str, Any]]:
    return await database.fetch_dicts("SELECT * FROM projection.release ORDER BY service, version")


async def bound(database: Database) -> list[dict[str, Any]]:
    """Which issue each group belongs to, at home or not."""
    return await database.fetch_dicts(
        "SELECT id, issue, home, reports, users FROM projection.issue_group ORDER BY id"
    )
