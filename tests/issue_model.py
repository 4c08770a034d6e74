"""Issues as plain Python: what the workflow should come to, for tests that compare the projections with it.

A model says what a command does, or that it is refused (`Refused`). It knows no log, no fold and no tomb:
groups hold reports and belong to an issue, decisions have versions, and an action remembers what it did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

_versions = count(1)


class Refused(Exception):
    """The command can't be done now."""


@dataclass(frozen=True)
class State:
    """What people decided."""

    status: str = "unresolved"
    substatus: str = "new"
    assignee: UUID | None = None
    resolved_in: str | None = None
    current_release: str | None = None
    muted_events: int | None = None
    muted_users: int | None = None
    version: int = field(default_factory=lambda: next(_versions), compare=False)

    def after(self, **changes: Any) -> State:
        """Another decision. One about the status ends what went with the status before."""
        if "status" in changes:
            names = ("resolved_in", "current_release", "muted_events", "muted_users")
            changes = dict.fromkeys(names) | changes
        return replace(self, **changes, version=next(_versions))


@dataclass
class Group:
    id: UUID
    service: str
    issue: UUID
    home: UUID
    reports: set[UUID] = field(default_factory=set)
    users: set[int] = field(default_factory=set)


@dataclass
class Action:
    """What was done: taking it back checks first, then does."""

    check: Callable[[], bool]
    undo: Callable[[], Action]
    undos: list[Action] = field(default_factory=list)

    def is_undone(self) -> bool:
        return not all(undo.is_undone() for undo in self.undos)


@dataclass
class Model:
    """All issues, with the groups that live and those that went with their issues."""

    states: dict[UUID, State] = field(default_factory=dict)
    comments: dict[UUID, UUID] = field(default_factory=dict)
    groups: dict[UUID, Group] = field(default_factory=dict)
    graves: list[list[Group]] = field(default_factory=list)
    releases: dict[str, dict[str, set[UUID]]] = field(default_factory=dict)
    purged: set[UUID] = field(default_factory=set)
    gone: set[UUID] = field(default_factory=set)
    moved_to: dict[UUID, UUID] = field(default_factory=dict)

    # What is there to be seen

    def groups_of(self, issue: UUID) -> list[Group]:
        return [group for group in self.groups.values() if group.issue == issue]

    def events(self, issue: UUID) -> int:
        return sum(len(group.reports) for group in self.groups_of(issue))

    def users(self, issue: UUID) -> int:
        return len(set[int]().union(*(group.users for group in self.groups_of(issue))))

    def visible(self) -> list[UUID]:
        """In the order of their opening: ids are random."""
        return [issue for issue in self.states if self.events(issue)]

    def is_deleted(self, issue: UUID) -> bool:
        return issue in self.purged or any(group.issue == issue for grave in self.graves for group in grave)

    def newest(self, issue_service: str) -> str | None:
        return max(self.reported(issue_service), key=as_numbers, default=None)

    def reported(self, service: str) -> list[str]:
        """The releases that have reports left."""
        return [release for release, reports in self.releases.get(service, {}).items() if reports]

    # What programs do

    def report(
        self, group: UUID, service: str, report: UUID, user: int, release: str | None, is_late: bool
    ) -> None:
        """A report of a group that lives; `open` has been called before for one that does not."""
        if release:
            self.releases.setdefault(service, {}).setdefault(release, set()).add(report)
        found = self.groups[group]
        found.reports.add(report)
        found.users.add(user)
        state = self.states[found.issue]
        known = self.reported(service)
        if state.status == "resolved" and not is_late and may_regress(state, release, known):
            self.states[found.issue] = state.after(status="unresolved", substatus="regressed")
        if state.substatus == "muted" and (
            (state.muted_events is not None and self.events(found.issue) >= state.muted_events)
            or (state.muted_users is not None and self.users(found.issue) >= state.muted_users)
        ):
            self.states[found.issue] = state.after(status="unresolved", substatus="ongoing")

    def open(self, group: UUID, service: str, issue: UUID) -> None:
        self.states[issue] = State()
        self.groups[group] = Group(group, service, issue, issue)

    def add(self, issue: UUID) -> None:
        """An issue for groups that are split off."""
        self.states[issue] = State(substatus="ongoing")

    # What people do with reports

    def delete_report(self, report: UUID) -> None:
        for group in self.groups.values():
            group.reports.discard(report)
        for reports in (reports for found in self.releases.values() for reports in found.values()):
            reports.discard(report)

    def erase(self, service: str) -> None:
        for group in [*self.groups.values(), *(group for grave in self.graves for group in grave)]:
            if group.service == service:
                group.reports, group.users = set(), set()
        self.releases.pop(service, None)

    def purge(self) -> None:
        """What is deleted by now never comes back."""
        self.purged |= {group.issue for grave in self.graves for group in grave}
        self.graves = []
        self.comments = {
            id_: issue for id_, issue in self.comments.items() if not self._way(issue) & self.purged
        }

    def _way(self, issue: UUID) -> set[UUID]:
        """An issue, and those that it was merged into."""
        way = {issue}
        while (issue := self.moved_to.get(issue, issue)) not in way:
            way.add(issue)
        return way

    def delete_user(self, user: UUID) -> None:
        self.gone.add(user)
        self.states = {issue: self._without_gone(state) for issue, state in self.states.items()}

    def _without_gone(self, state: State) -> State:
        return replace(state, assignee=None) if state.assignee in self.gone else state

    # What people do with issues

    def decide(self, issues: list[UUID], **changes: Any) -> Action:
        return self._set({issue: self.states[issue].after(**self._fit(issue, changes)) for issue in issues})

    def _fit(self, issue: UUID, changes: dict[str, Any]) -> dict[str, Any]:
        """Mutes count from what there is."""
        more = dict(changes)
        if more.get("muted_events") is not None:
            more["muted_events"] += self.events(issue)
        if more.get("muted_users") is not None:
            more["muted_users"] += self.users(issue)
        return more

    def _set(self, after: dict[UUID, State]) -> Action:
        before = {issue: self.states[issue] for issue in after}
        self.states |= {issue: self._without_gone(state) for issue, state in after.items()}

        def check() -> bool:
            return all(
                self.events(issue) and self.states[issue].version == state.version
                for issue, state in after.items()
            )

        return Action(check, lambda: self._set(before))

    def move(self, moves: dict[UUID, tuple[UUID, UUID]]) -> Action:
        """Groups to issues, each with its home from then on."""
        before = {id_: (self.groups[id_].issue, self.groups[id_].home) for id_ in moves}
        for id_, (issue, home) in moves.items():
            self.groups[id_].issue, self.groups[id_].home = issue, home
        for id_, (issue, _) in moves.items():
            if not self.groups_of(before[id_][0]):
                self.moved_to[before[id_][0]] = issue
            self.moved_to.pop(issue, None)

        def check() -> bool:
            return all(
                id_ in self.groups
                and self.groups[id_].issue == moves[id_][0]
                and not self.is_deleted(before[id_][0])
                for id_ in moves
            )

        return Action(check, lambda: self.move(before))

    def merge(self, target: UUID, other: UUID) -> Action:
        return self.move({group.id: (target, group.home) for group in self.groups_of(other)})

    def comment(self, issue: UUID, comment: UUID) -> Action:
        self.comments[comment] = issue
        return Action(lambda: comment in self.comments, lambda: self.delete_comment(comment))

    def delete_comment(self, comment: UUID) -> Action:
        issue = self.comments.pop(comment)

        def check() -> bool:
            return comment not in self.comments and not self.is_deleted(issue)

        return Action(check, lambda: self.comment(issue, comment))

    def delete(self, issue: UUID, version: int | None = None) -> Action:
        """The issue stands on a new decision then, or on the older one that an undo gives back."""
        before = self.states[issue]
        self.states[issue] = replace(before, version=version or next(_versions))
        grave, after = self.groups_of(issue), self.states[issue].version
        self.graves.append(grave)
        for group in grave:
            del self.groups[group.id]

        def check() -> bool:
            later = self.graves[self.graves.index(grave) + 1 :] if grave in self.graves else []
            again = {group.id for one in later for group in one} | set(self.groups)
            return (
                any(one is grave for one in self.graves)
                and self.states[issue].version == after
                and not again & {group.id for group in grave}
            )

        return Action(check, lambda: self._restore(issue, grave, before.version))

    def _restore(self, issue: UUID, grave: list[Group], version: int) -> Action:
        before = self.states[issue].version
        self.graves = [one for one in self.graves if one is not grave]
        self.groups |= {group.id: group for group in grave}
        self.states[issue] = replace(self.states[issue], version=version)

        def check() -> bool:
            return bool(self.events(issue)) and self.states[issue].version == version

        return Action(check, lambda: self.delete(issue, before))

    def take_back(self, action: Action) -> Action:
        if action.is_undone() or not action.check():
            raise Refused
        action.undos.append(action.undo())
        return action.undos[-1]


def may_regress(state: State, release: str | None, known: list[str]) -> bool:
    """Whether a release can have the error although the issue is resolved."""
    if release is None:
        return True
    is_gone = state.current_release not in known
    if state.substatus == "in_release" and not (is_gone and state.resolved_in == state.current_release):
        return as_numbers(release) >= as_numbers(str(state.resolved_in))
    if state.current_release is None or is_gone:
        return True
    if state.substatus == "in_next_release":
        return as_numbers(release) > as_numbers(state.current_release)
    return as_numbers(release) >= as_numbers(state.current_release)


def as_numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
