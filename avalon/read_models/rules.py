"""Alert rules as the dashboard sees them, and what became of their alerts, in words."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.read_models.rows import Time, as_struct
from avalon.rules import Definition
from avalon.statements import load

sql = load("rules")

_HELD: Final = {
    "storm": "held back for the digest: the issue had been told of within the rule's pace",
    "pace": "held back for the digest: too many other issues had been told of within a minute",
    "switched_off": "written off: the sink was switched off",
    "muted": "not told: the issue is muted",
    "ignored": "not told: the issue is ignored",
    "resolved": "not told: the issue is resolved, and this is no regression",
    "imported": "not told: the report was imported from another tracker",
}
_WHATS: Final = {
    "issue.opened": "the issue opened",
    "issue.regressed": "the issue regressed",
    "error.reported": "a report came",
}


class RuleItem(Definition, frozen=True, kw_only=True):
    """One rule."""

    id: UUID
    sink: UUID
    name: str
    is_active: bool
    created_at: Time
    created_by: str
    position: int


class RulePage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[RuleItem]
    next: str | None


class Decision(msgspec.Struct):
    """What became of an alert that the rule asked for; `issues` has the count of reports of each issue."""

    position: int
    outcome: str
    at: Time
    why: str
    kind: str | None
    reason: str | None
    reports: int
    first_position: int
    last_position: int
    issues: dict[str, int]
    message_id: str | None


async def list_rules(
    database: Database, *, sink: UUID | None = None, after: UUID | None = None, limit: int = 200
) -> RulePage:
    """A page of rules, of one sink or of all."""
    params = {"only": None, "sink": sink, "after": after, "row_limit": limit + 1}
    rows = await database.fetch_dicts(sql.list, params)
    page = [_item(row) for row in rows[:limit]]
    return RulePage(page, str(page[-1].id) if len(rows) > limit else None)


async def find_rule(database: Database, rule: UUID) -> RuleItem:
    """Raises NotFound."""
    params = {"only": rule, "sink": None, "after": None, "row_limit": 1}
    rows = await database.fetch_dicts(sql.list, params)
    if not rows:
        raise NotFound("there is no such rule")
    return _item(rows[0])


async def list_decisions(
    database: Database, rule: RuleItem, *, issue: UUID | None, before: int | None, limit: int
) -> tuple[list[Decision], str | None]:
    """What became of the rule's alerts, newest first, and the cursor of the page behind."""
    params = {
        "rule": rule.id,
        "sink": rule.sink,
        "issue": None if issue is None else str(issue),
        "before": before,
        "row_limit": limit + 1,
    }
    rows = await database.fetch_dicts(sql.decisions, params)
    page = [as_struct(row | {"why": why_of_alert(row)}, Decision) for row in rows[:limit]]
    return page, str(page[-1].position) if len(rows) > limit else None


def why_held(reason: str) -> str:
    """Why a report is not told, as a sentence."""
    return _HELD.get(reason, reason)


def why_of_alert(row: dict[str, Any]) -> str:
    """What became of an alert, as a sentence; `row` is a fact's data with its `outcome`."""
    match row["outcome"]:
        case "suppressed":
            return why_held(row["reason"])
        case "failed":
            return f"given up: {row['reason']}"
    if row["kind"] == "digest":
        return "told in a digest of what was held back"
    return f"told: {row.get('words') or _WHATS.get(row.get('what') or '', 'it was wanted')}"


def _item(row: dict[str, Any]) -> RuleItem:
    return as_struct(row | row["definition"], RuleItem)
