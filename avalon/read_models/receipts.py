"""What became of one report: its issue, the sinks that looked at it, and what they said.

A sink speaks of ranges of positions and of issues, so a digest covers a report that it does not name. What is
said more than a week after the report is not looked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.read_models.errors import IssueRef
from avalon.read_models.rows import Time, as_struct, fetch
from avalon.statements import load

sql = load("receipts")

LOOKED_FOR: Final = timedelta(days=7)

Outcome = Literal["delivered", "suppressed", "failed", "not_wanted", "switched_off", "pending", "passed"]


class Alert(msgspec.Struct):
    """One thing that a sink said; `reports` is how many it was about."""

    position: int
    sink: UUID
    name: str | None
    outcome: str
    at: Time
    reason: str | None
    reports: int | None
    message_id: str | None


class Rule(msgspec.Struct):
    """A sink and what it made of the report; `passed`: it has read on without a word."""

    sink: UUID
    name: str
    kind: str
    levels: list[str]
    outcome: Outcome


class Receipt(msgspec.Struct, kw_only=True):
    """What became of the report at a position."""

    position: int
    id: UUID
    service: str
    level: str
    occurred_at: Time
    recorded_at: Time
    issue: IssueRef | None
    rules: list[Rule] = []
    alerts: list[Alert] = []


async def find_receipt(database: Database, position: int) -> Receipt:
    """Raises NotFound where no report stands there that may be seen."""
    rows = await database.fetch_dicts(sql.find, {"position": position})
    if not rows:
        raise NotFound("no report stands at this position")
    receipt = as_struct(rows[0], Receipt)
    recorded_at = rows[0]["recorded_at"]
    params = {
        "position": position,
        "issue": str(receipt.issue.id) if receipt.issue else None,
        "recorded_at": recorded_at,
        "until": recorded_at + LOOKED_FOR,
    }
    receipt.alerts = await fetch(database, sql.alerts, params, Alert)
    sinks = await database.fetch_dicts(sql.rules, {"level": receipt.level})
    receipt.rules = [_rule(row, position, receipt.alerts) for row in sinks]
    return receipt


def _rule(row: dict[str, Any], position: int, alerts: list[Alert]) -> Rule:
    said = [alert.outcome for alert in alerts if alert.sink == row["sink"]]
    return as_struct(row | {"outcome": said[-1] if said else _silence(row, position)}, Rule)


def _silence(row: dict[str, Any], position: int) -> Outcome:
    """Why a sink has said nothing of a report."""
    if not row["is_wanted"]:
        return "not_wanted"
    if not row["is_active"]:
        return "switched_off"
    return "pending" if row["read_up_to"] < position else "passed"
