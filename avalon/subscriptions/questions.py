"""What rules ask Postgres about issues: how many reports or people in a window, what is decided, a search."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.rules import Rule
from avalon.search import ISSUES, issue_conditions, parse
from avalon.sinks.words import duration, many
from avalon.statements import load
from avalon.subscriptions.state import Passed

sql = load("evaluation")


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


class _Reached(msgspec.Struct):
    issue: UUID
    minute: datetime
    reached: int
    before: int


class Facets(msgspec.Struct):
    """A report that a fact speaks of: where it stands, and what rules look at."""

    id: UUID
    position: int
    recorded_at: datetime
    level: str
    environment: str | None
    release: str | None
    tags: dict[str, str]


class Latest(Facets):
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


async def reached(
    database: Database, rule: Rule, asked: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], tuple[int, int]]:
    """How many events or users issues had in the rule's window up to a minute, and up to the one before."""
    params = {
        "issues": [issue for issue, _ in asked],
        "minutes": [datetime.fromtimestamp(minute * 60, UTC) for _, minute in asked],
        "length": rule.window_minutes,
        "services": rule.services,
        "levels": list(rule.levels),
        "environments": rule.environments,
    }
    if rule.when == "users":
        rows = await database.fetch(sql.users, params | {"threshold": rule.threshold}, row=_Reached)
    else:
        rows = await database.fetch(sql.events, params, row=_Reached)
    return {(row.issue, minute_of(row.minute)): (row.reached, row.before) for row in rows}


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
) -> dict[UUID, Facets]:
    """Reports by their ids, for facts that were recorded from `first` to `last`."""
    rows = await database.fetch(sql.reports, {"ids": list(ids), "first": first, "last": last}, row=Facets)
    return {row.id: row for row in rows}


async def latest(database: Database, issues: Collection[UUID]) -> dict[UUID, Latest]:
    """The last report of each issue that still has one."""
    rows = await database.fetch(sql.latest, {"issues": list(issues)}, row=Latest)
    return {row.issue: row for row in rows}
