"""A change of the grouping as people look at it, before it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.read_models.rows import Time, as_time
from avalon.regrouping.plan import Owner, Plan, Split, Step, Tallies
from avalon.regrouping.reading import Found
from avalon.regrouping.rule_book import sql

SHOWN: Final = 50
SHOWN_ISSUES: Final = 20
NOTE: Final = (
    "Issues are brought together whole. Reports that are stored stay in their groups: an issue that splits "
    "keeps them all, and only its new reports go apart."
)

NOTHING: Final = (
    "The rule matches none of these reports: nothing in them is named so, or what is varies already, as "
    "every word with a digit does. A `pattern` may hold blanks, but its `*` stands for none."
)


class IssueNow(msgspec.Struct):
    """An issue, and one of its reports that were looked at: with its key, and the key that it would have."""

    id: UUID
    service: str
    type: str | None
    title: str | None
    culprit: str | None
    status: str
    events: int
    reports: int = 0
    example: UUID | None = None
    key: list[str] | None = None
    new_key: list[str] | None = None


class Merging(msgspec.Struct):
    """Issues that would become one: which takes the others. `issues` is how many; some of them are shown."""

    into: UUID
    issues: int
    shown: list[IssueNow]


class Part(msgspec.Struct):
    """Reports of an issue that would get this key; where new ones would go, null: to a new issue."""

    key: list[str]
    reports: int
    example: UUID
    issue: UUID | None


class Splitting(msgspec.Struct):
    issue: IssueNow
    parts: list[Part]


class Preview(msgspec.Struct):
    """What a change of the grouping would do. `is_complete` is false where only the newest were looked at.

    `merges`, `splits` and `unchanged` are counts; of the first two the largest are shown. `matched`: the
    reports that a new rule touches, null without one; all else goes by the rules that there are.
    """

    reports: int
    matched: int | None
    since: Time | None
    is_complete: bool
    merges: int
    splits: int
    unchanged: int
    merging: list[Merging]
    splitting: list[Splitting]
    note: str = NOTE


async def show(
    database: Database, found: Found, owners: Mapping[UUID, Owner], plan: Plan, *, has_rule: bool
) -> Preview:
    """The preview of a plan."""
    merges = [step for step in plan.steps if step.others or step.groups]
    touched = {issue for step in merges for issue in _issues_of(step, owners)}
    touched |= {split.issue for split in plan.splits}
    merging = sorted(merges, key=lambda step: (-len(step.others) - len(step.groups), step.issue))[:SHOWN]
    splitting = sorted(plan.splits, key=lambda split: (-len(split.parts), split.issue))[:SHOWN]
    shown = {step.issue: _issues_of(step, owners)[:SHOWN_ISSUES] for step in merging}
    wanted = {issue for issues in shown.values() for issue in issues} | {split.issue for split in splitting}
    issues = await _read(database, wanted)
    _exemplify(issues, found.tallies, owners)
    return Preview(
        reports=found.reports,
        matched=found.matched if has_rule else None,
        since=as_time(found.since),
        is_complete=found.is_complete,
        merges=len(merges),
        splits=len(plan.splits),
        unchanged=len(plan.issues - touched),
        merging=[
            Merging(
                step.issue,
                len(_issues_of(step, owners)),
                [issues[issue] for issue in shown[step.issue] if issue in issues],
            )
            for step in merging
        ],
        splitting=[
            Splitting(issues[split.issue], _parts(split, found.tallies, owners))
            for split in splitting
            if split.issue in issues
        ],
        note=NOTHING if has_rule and not found.matched else NOTE,
    )


async def show_merge(database: Database, ids: list[UUID]) -> Preview:
    """The preview of a merge by hand: no report is looked at, for all stay as they are. Raises NotFound."""
    issues = await _read(database, ids)
    if len(issues) < len(ids):
        raise NotFound("not all of these issues are there")
    merging = [Merging(ids[0], len(issues), [issues[id_] for id_ in ids[:SHOWN_ISSUES] if id_ in issues])]
    return Preview(0, None, None, True, 1, 0, 0, merging, [])


def _issues_of(step: Step, owners: Mapping[UUID, Owner]) -> list[UUID]:
    """The issues that a step brings together, the receiving one first."""
    overflows = {owners[group].issue for group in step.groups}
    return list(dict.fromkeys([step.issue, *step.others, *sorted(overflows)]))


async def _read(database: Database, ids: Iterable[UUID]) -> dict[UUID, IssueNow]:
    rows = await database.fetch(sql.issues, {"ids": list(ids)}, row=IssueNow)
    return {row.id: row for row in rows}


def _exemplify(issues: dict[UUID, IssueNow], tallies: Tallies, owners: Mapping[UUID, Owner]) -> None:
    """The issues' reports, and one of the most frequent of each."""
    most: dict[UUID, int] = {}
    for (old, _), tally in tallies.items():
        issue = issues.get(owners[old].issue) if old in owners else None
        if issue is None:
            continue
        issue.reports += tally.reports
        if tally.reports > most.get(issue.id, 0):
            most[issue.id] = tally.reports
            issue.example, issue.key, issue.new_key = tally.example, tally.key, tally.new_key


def _parts(split: Split, tallies: Tallies, owners: Mapping[UUID, Owner]) -> list[Part]:
    """The parts of an issue, the largest first."""
    found: dict[UUID, Part] = {}
    goes_to = dict(split.parts)
    for (old, new), tally in tallies.items():
        if old not in owners or owners[old].issue != split.issue:
            continue
        part = found.setdefault(new, Part(tally.new_key, 0, tally.example, goes_to[new]))
        part.reports += tally.reports
    return sorted(found.values(), key=lambda part: (-part.reports, part.key))[:SHOWN_ISSUES]
