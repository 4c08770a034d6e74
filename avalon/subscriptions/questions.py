"""What rules ask Postgres about issues: how many reports or people in a window, what is decided, a search."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from avalon.database import Database, RawJson
from avalon.errors import NotFound
from avalon.rules import Rule
from avalon.search import ISSUES, issue_conditions, parse
from avalon.sinks.words import duration, many
from avalon.statements import load
from avalon.subscriptions.state import Passed

sql = load("evaluation")

_encode = msgspec.json.Encoder().encode


class _RuleFact(msgspec.Struct):
    id: UUID
    type: str
    data: dict[str, Any]


class KnownRule(msgspec.Struct):
    """A rule as it is now; what came up to `created_position` it has not looked at."""

    id: UUID
    name: str
    definition: dict[str, Any]
    created_position: int

    @property
    def rule(self) -> Rule:
        return _as_rule(self.id, self.name, self.definition)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What people have decided about an issue."""

    status: str
    substatus: str
    assignee: UUID | None = None
    first_seen: datetime | None = None


class _StandingRow(Standing, frozen=True, kw_only=True):
    issue: UUID


class Asked(NamedTuple):
    """How loud an issue is up to a minute since the epoch, as a rule of events or users counts."""

    key: str
    issue: UUID
    minute: int
    rule: Rule

    def __hash__(self) -> int:
        return hash(self[:3])


class _Total(msgspec.Struct):
    issue: UUID
    events: int
    users: int


class _Reached(msgspec.Struct):
    number: int
    reached: int
    before: int


class Facets(msgspec.Struct):
    """What rules look at of a report that a fact speaks of."""

    level: str
    environment: str | None
    release: str | None
    tags: dict[str, str]


class Kept(Facets):
    """A report that can be shown: where it stands."""

    id: UUID
    position: int
    recorded_at: datetime
    actor: str


class Remembered(Facets):
    """What is known of an issue whose reports are all gone."""

    issue: UUID


class Latest(Kept):
    """The last report of an issue."""

    issue: UUID
    occurred_at: datetime
    service: str


def minute_of(at: datetime) -> int:
    """The minute since the epoch that an instant is in."""
    return int(at.timestamp()) // 60


async def rules_of(database: Database, sink: UUID, position: int) -> list[Rule]:
    """The rules of a sink that were at work at a position of the log, whatever they are by now."""
    facts = await database.fetch(sql.rules, {"sink": str(sink), "position": position}, row=_RuleFact)
    known: dict[UUID, dict[str, Any]] = {}
    for fact in facts:
        if fact.type == "rule.deleted":
            known.pop(fact.id, None)
            continue
        before = known.get(fact.id, {"is_active": True, "definition": {}})
        definition = before["definition"] | fact.data.get("definition", {})
        known[fact.id] = before | fact.data | {"definition": definition}
    return [
        _as_rule(id_, rule["name"], rule["definition"]) for id_, rule in known.items() if rule["is_active"]
    ]


async def rule_of(database: Database, rule: UUID) -> KnownRule:
    """One rule as it is now, at work or not. Raises NotFound."""
    found = await database.fetch_one(sql.rule, {"rule": rule}, row=KnownRule)
    if found is None:
        raise NotFound("there is no such rule")
    return found


def _as_rule(rule: UUID, name: str, definition: dict[str, Any]) -> Rule:
    return msgspec.convert(definition | {"id": str(rule), "name": name}, Rule)


async def silences(database: Database, issues: Collection[UUID]) -> dict[UUID, str]:
    """The issues of which nobody is told, each with why: muted, ignored, resolved."""
    found = await standings(database, issues)
    words = {issue: silence(one.status, one.substatus) for issue, one in found.items()}
    return {issue: why for issue, why in words.items() if why}


async def standings(database: Database, issues: Collection[UUID]) -> dict[UUID, Standing]:
    """How issues stand now."""
    if not issues:
        return {}
    rows = await database.fetch(sql.standings, {"issues": list(issues)}, row=_StandingRow)
    return {row.issue: row for row in rows}


def silence(status: str, substatus: str) -> str:
    """Why nobody is told of an issue in this state; empty where people are."""
    if status == "unresolved":
        return ""
    return "muted" if substatus == "muted" else status


async def search(database: Database, q: str, issues: Collection[UUID], now: float) -> set[UUID]:
    """Those of the issues that a search finds."""
    conditions = issue_conditions(parse(q, ISSUES), now=datetime.fromtimestamp(now, UTC), user=None)
    params = conditions.params | {"issues": list(issues)}
    rows = await database.fetch_dicts(conditions.put_into(sql.found), params)
    return {row["issue"] for row in rows}


async def reached(database: Database, asked: Sequence[Asked]) -> dict[Asked, tuple[int, int]]:
    """As `counts`, of those alone that can have passed their threshold."""
    if not asked:
        return {}
    rows = await database.fetch(sql.totals, {"issues": list({one.issue for one in asked})}, row=_Total)
    totals = {row.issue: row for row in rows}
    return await counts(database, [one for one in asked if _may_pass(one.rule, totals.get(one.issue))])


async def counts(database: Database, asked: Sequence[Asked]) -> dict[Asked, tuple[int, int]]:
    """How many events or users issues had in the rules' windows up to a minute, and up to the one before.

    In at most two questions, however many rules there are; nothing for an issue without any.
    """
    found: dict[Asked, tuple[int, int]] = {}
    for statement, when in ((sql.events, "events"), (sql.users, "users")):
        some = [one for one in asked if one.rule.when == when]
        if some:
            params = {"asked": RawJson(_encode([_row(number, one) for number, one in enumerate(some)]))}
            for row in await database.fetch(statement, params, row=_Reached):
                found[some[row.number]] = (row.reached, row.before)
    return found


def _may_pass(rule: Rule, total: _Total | None) -> bool:
    """Whether the issue has had as many in all its time."""
    return total is not None and getattr(total, rule.when) >= (rule.threshold or 0)


def _row(number: int, asked: Asked) -> dict[str, Any]:
    rule = asked.rule
    return {
        "number": number,
        "issue": asked.issue,
        "minute": datetime.fromtimestamp(asked.minute * 60, UTC),
        "length": rule.window_minutes,
        "services": rule.services or None,
        "levels": rule.levels or None,
        "environments": rule.environments or None,
    }


def passed(rule: Rule, minute: int, reached: int, before: int) -> Passed | None:
    """That the threshold is reached; None: it isn't."""
    threshold = rule.threshold or 0
    if reached < threshold:
        return None
    return Passed(minute=minute, stood_before=before >= threshold, words=reached_words(rule, reached))


def reached_words(rule: Rule, count: int) -> str:
    """`120 events in 5 minutes`"""
    return f"{many(count, rule.when.removesuffix('s'))} in {duration(rule.window_s or 0)}"


async def reports(
    database: Database, ids: Collection[UUID], first: datetime, last: datetime
) -> dict[UUID, Kept]:
    """Reports by their ids, for facts that were recorded from `first` to `last`."""
    rows = await database.fetch(sql.reports, {"ids": list(ids), "first": first, "last": last}, row=Kept)
    return {row.id: row for row in rows}


async def latest(database: Database, issues: Collection[UUID]) -> dict[UUID, Latest]:
    """The last report of each issue that still has one."""
    rows = await database.fetch(sql.latest, {"issues": list(issues)}, row=Latest)
    return {row.issue: row for row in rows}


async def remembered(database: Database, issues: Collection[UUID]) -> dict[UUID, Remembered]:
    """What is still known of issues that have no report any more."""
    rows = await database.fetch(sql.remembered, {"issues": list(issues)}, row=Remembered)
    return {row.issue: row for row in rows}
