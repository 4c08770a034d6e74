"""What another grouping comes to: which issues become one, and which fall apart. Pure.

Each group follows where most of its reports go. Issues whose groups go to the same group become one, whole,
because what people merged stays merged; the one that takes the others is unresolved, then the largest. The
overflow of a service is no issue in that sense: its groups go one by one. Groups that have no report yet are
bound to the issue of those that go there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec

# An issue, or a group that belongs to none, or to an overflow.
Node = tuple[str, UUID]


class Tally(msgspec.Struct):
    """Reports of one group that go to one group: how many, the newest, and both keys."""

    service: str
    reports: int
    example: UUID
    key: list[str]
    new_key: list[str]


# (the group that they are in, the group that they would be in)
Tallies = Mapping[tuple[UUID, UUID], Tally]


class Owner(msgspec.Struct, frozen=True):
    """The issue of a group."""

    group: UUID
    issue: UUID
    is_overflow: bool
    is_hidden: bool
    is_unresolved: bool
    events: int


class Step(msgspec.Struct):
    """One issue and what becomes its own: issues, groups of an overflow, and groups without a report."""

    issue: UUID
    others: list[UUID]
    groups: list[UUID]
    bound: dict[str, list[UUID]]  # by service


class Split(msgspec.Struct):
    """An issue whose reports fall apart, by the group that they go to; None: that opens an issue."""

    issue: UUID
    parts: list[tuple[UUID, UUID | None]]


class Plan(NamedTuple):
    """Steps that change something, splits, and how many issues were looked at."""

    steps: list[Step]
    splits: list[Split]
    issues: set[UUID]


def make_plan(
    tallies: Tallies, owners: Mapping[UUID, Owner], targets: Collection[UUID] = frozenset()
) -> Plan:
    """The plan for what was found; `targets` took others a moment ago, and stay as they are."""
    tallies = {pair: tally for pair, tally in tallies.items() if pair[0] in owners}
    followed = _followed(tallies)
    classes = _Classes()
    for old, new in followed.items():
        classes.join(_node(owners, old), _node(owners, new))
    services = {new: tally.service for (_, new), tally in tallies.items()}
    known = {owner.issue: owner for owner in owners.values()}
    steps = {root: _step(nodes, owners, known, services, targets) for root, nodes in classes.all().items()}

    def destination(group: UUID) -> UUID | None:
        step, owner = steps.get(classes.root(_node(owners, group))), owners.get(group)
        return step.issue if step else owner.issue if owner else None

    changed = [step for step in steps.values() if step.others or step.groups or step.bound]
    issues = {owners[old].issue for old in followed}
    return Plan(changed, _splits(tallies, owners, destination), issues)


def _followed(tallies: Tallies) -> dict[UUID, UUID]:
    """Where most reports of each group go."""
    best: dict[UUID, tuple[int, bool, UUID]] = {}
    for (old, new), tally in tallies.items():
        # Of equals the one that stays, then any that is always the same.
        place = (tally.reports, old == new, new)
        best[old] = max(best.get(old, place), place)
    return {old: new for old, (_, _, new) in best.items()}


def _node(owners: Mapping[UUID, Owner], group: UUID) -> Node:
    owner = owners.get(group)
    return ("group", group) if owner is None or owner.is_overflow else ("issue", owner.issue)


def _step(
    nodes: list[Node],
    owners: Mapping[UUID, Owner],
    known: Mapping[UUID, Owner],
    services: Mapping[UUID, str],
    targets: Collection[UUID],
) -> Step:
    issues = [id_ for kind, id_ in nodes if kind == "issue"]
    groups = [id_ for kind, id_ in nodes if kind == "group" and id_ in owners]
    bound: dict[str, list[UUID]] = defaultdict(list)
    for kind, id_ in nodes:
        if kind == "group" and id_ not in owners:
            bound[services[id_]].append(id_)
    if not issues:
        return Step(owners[groups[0]].issue, [], [], bound)
    target = min(issues, key=lambda issue: (issue not in targets, *_place(known[issue])))
    others = sorted(issue for issue in issues if issue != target and issue not in targets)
    return Step(target, others, sorted(groups), bound)


def _place(issue: Owner) -> tuple[bool, bool, int, UUID]:
    """The least of them takes the others."""
    return (issue.is_hidden, not issue.is_unresolved, -issue.events, issue.issue)


def _splits(
    tallies: Tallies, owners: Mapping[UUID, Owner], destination: Callable[[UUID], UUID | None]
) -> list[Split]:
    """Issues of which not all reports to come would be where their old ones are."""
    parts: dict[UUID, dict[UUID, UUID | None]] = defaultdict(dict)
    strays: set[UUID] = set()
    for old, new in tallies:
        owner = owners[old]
        if owner.is_overflow:
            continue
        goes_to = destination(new)
        parts[owner.issue][new] = goes_to
        if goes_to != destination(old):
            strays.add(owner.issue)
    return [Split(issue, sorted(parts[issue].items())) for issue in sorted(strays)]


class _Classes:
    """Which nodes belong together (union-find)."""

    def __init__(self) -> None:
        self._parents: dict[Node, Node] = {}

    def root(self, node: Node) -> Node:
        passed = []
        while (parent := self._parents.get(node, node)) != node:
            passed.append(node)
            node = parent
        for one in passed:
            self._parents[one] = node
        return node

    def join(self, one: Node, other: Node) -> None:
        self._parents.setdefault(one, one)
        self._parents.setdefault(other, other)
        self._parents[self.root(one)] = self.root(other)

    def all(self) -> dict[Node, list[Node]]:
        found: dict[Node, list[Node]] = defaultdict(list)
        for node in self._parents:
            found[self.root(node)].append(node)
        return found
