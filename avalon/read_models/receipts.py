"""What became of one report: its issue, the sinks that looked at it, and what they said.

A sink speaks of ranges of positions and of issues, so a digest covers a report that it does not name. What is
said more than a week after the report is not looked for. What it has not said yet stands in what its follower
has saved.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.read_models.errors import IssueRef
from avalon.read_models.rows import Time, as_struct, as_time, fetch
from avalon.read_models.rules import why_held
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
    """A sink and what it made of the report; `passed`: it has read on, and there was nothing to say.

    Of what is `pending`, `next` says in words what happens next, and `last_error` why the sink fails now.
    """

    sink: UUID
    name: str
    kind: str
    levels: list[str]
    outcome: Outcome
    next: str | None = None
    last_error: str | None = None


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
    issue = str(receipt.issue.id) if receipt.issue else None
    asked = {"position": position, "issue": issue}
    # First what waits, then what was said: a message that goes out between the two is in one of them.
    sinks = await database.fetch_dicts(sql.rules, asked | {"level": receipt.level, "report": str(receipt.id)})
    times = {"recorded_at": recorded_at, "until": recorded_at + LOOKED_FOR}
    receipt.alerts = await fetch(database, sql.alerts, asked | times, Alert)
    receipt.rules = [_rule(row, position, receipt.alerts) for row in sinks]
    return receipt


def _rule(row: dict[str, Any], position: int, alerts: list[Alert]) -> Rule:
    said = [alert.outcome for alert in alerts if alert.sink == row["sink"]]
    outcome = _silence(row, position) if row["is_waiting"] or not said else said[-1]
    if outcome != "pending":
        return as_struct(row | {"outcome": outcome, "last_error": None}, Rule)
    return as_struct(row | {"outcome": outcome, "next": _next(row)}, Rule)


def _silence(row: dict[str, Any], position: int) -> Outcome:
    """Why a sink has said nothing of a report."""
    if row["is_waiting"] or row["held_until"] or row["silent"]:
        return "pending"
    if not row["is_wanted"]:
        return "not_wanted"
    if not row["is_active"]:
        return "switched_off"
    return "pending" if row["read_up_to"] < position else "passed"


def _next(row: dict[str, Any]) -> str:
    """What becomes of a report of which the sink has not spoken yet."""
    if row["silent"]:
        return f"{why_held(row['silent'])}; it is counted"
    if row["last_error"]:
        return f"the sink takes no messages now; tried again at {as_time(row['tried_again_at'])}"
    if row["is_waiting"]:
        return "a message about it is on its way"
    if row["held_until"]:
        return f"held back for a digest, which is due at {as_time(row['held_until'])}"
    return "the sink has not read the log so far yet"
