"""Why a rule does or does not tell of an issue's latest report right now, in words.

The first thing that stops it is said, from the questions that the follower asks. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.events import REPORTED
from avalon.read_models.rows import as_time
from avalon.rules import Rule, Seen, facts_of, unlike
from avalon.sinks.words import duration, many
from avalon.statements import load
from avalon.subscriptions import questions
from avalon.subscriptions.questions import KnownRule, Latest, silence
from avalon.subscriptions.state import State

sql = load("rules")


class Verdict(msgspec.Struct):
    """`tells`: the rule would tell of such a report now. `report` is the issue's latest."""

    tells: bool
    why: str
    report: UUID | None


class _SinkRow(msgspec.Struct):
    is_active: bool
    name: str
    switched_off_reason: str | None
    state: dict[str, Any]
    now: float


class _IssueRow(msgspec.Struct):
    id: UUID
    status: str
    substatus: str
    muted_until: datetime | None
    events_left: int | None
    users_left: int | None


async def explain(
    database: Database, known: KnownRule, sink: UUID, issue: UUID, *, is_active: bool
) -> Verdict:
    """Raises NotFound where there is no such issue."""
    found = await database.fetch_one(sql.issue, {"issue": issue}, row=_IssueRow)
    at = await database.fetch_one(sql.sink, {"sink": sink}, row=_SinkRow)
    if found is None or at is None:
        raise NotFound("there is no such issue")
    latest = (await questions.latest(database, [issue])).get(issue)
    report = latest.id if latest else None
    if not is_active:
        return Verdict(False, "the rule is switched off", report)
    async for obstacle in _obstacles(database, known, at, found, latest):
        if obstacle:
            return Verdict(False, obstacle, report)
    return Verdict(True, "nothing stands against it: such a report is told", report)


async def _obstacles(
    database: Database, known: KnownRule, sink: _SinkRow, issue: _IssueRow, latest: Latest | None
) -> AsyncIterator[str | None]:
    """What may stop it, in the order in which the follower asks."""
    rule = known.rule
    yield _switched_off(sink)
    if latest is None:
        yield "no report of the issue is kept"
        return
    yield unlike(rule, _seen(latest))
    yield None if rule.q is None else await _unfound(database, rule.q, issue.id, sink.now)
    yield await _unhappened(database, rule, issue.id, known.created_position)
    yield await _below(database, rule, issue.id, sink.now)
    yield None if rule.when == "regressed" else _silenced(issue)
    state = msgspec.convert(sink.state, State)
    yield _failing(sink, state)
    yield _paced(rule, state, issue.id, sink.now)
    if latest.position <= known.created_position:
        yield "its latest report came before the rule was made"


def _switched_off(sink: _SinkRow) -> str | None:
    if sink.is_active:
        return None
    reason = f": {sink.switched_off_reason}" if sink.switched_off_reason else ""
    return f"the sink {sink.name} is switched off{reason}"


def _failing(sink: _SinkRow, state: State) -> str | None:
    """What it is told waits meanwhile, and is given up after a day."""
    if not state.failures:
        return None
    again = as_time(datetime.fromtimestamp(max(state.quiet_until, sink.now), UTC))
    return f"the sink {sink.name} takes no messages now: {state.error}; tried again at {again}"


def _seen(latest: Latest) -> Seen:
    return Seen(
        what=REPORTED,
        service=latest.service,
        level=latest.level,
        environment=latest.environment or "",
        release=latest.release or "",
        tags=latest.tags,
    )


async def _unfound(database: Database, q: str, issue: UUID, now: float) -> str | None:
    hits = await questions.search(database, q, [issue], now)
    return None if issue in hits else f"the search {q} does not find the issue"


async def _unhappened(database: Database, rule: Rule, issue: UUID, after: int) -> str | None:
    """A rule of facts speaks when there is one that came behind it."""
    types = facts_of(rule)
    if not types:
        return None
    params = {"issue": issue, "types": list(types), "after": after}
    if await database.fetch_value(sql.happened, params):
        return None
    asked = {"opened": "opened", "regressed": "regressed, and no mute of it has ended,"}[rule.when]
    return f"the issue has not {asked} since the rule was made"


async def _below(database: Database, rule: Rule, issue: UUID, now: float) -> str | None:
    if rule.threshold is None:
        return None
    minute = int(now) // 60
    asked = questions.Asked(rule.key, issue, minute, rule)
    count, _ = (await questions.counts(database, [asked])).get(asked, (0, 0))
    if count >= rule.threshold:
        return None
    return f"{count} of {many(rule.threshold, rule.when.removesuffix('s'))} in {duration(rule.window_s or 0)}"


def _silenced(issue: _IssueRow) -> str | None:
    state = silence(issue.status, issue.substatus)
    if state != "muted":
        return f"the issue is {state}" if state else None
    until = [
        f"until {as_time(issue.muted_until)}" if issue.muted_until else "",
        f"until {many(issue.events_left, 'more event')}" if issue.events_left else "",
        f"until {many(issue.users_left, 'more user')}" if issue.users_left else "",
    ]
    return f"the issue is muted {' or '.join(filter(None, until))}".rstrip()


def _paced(rule: Rule, state: State, issue: UUID, now: float) -> str | None:
    window = state.issues.get(issue)
    pace = window.paces.get(rule.key) if window else None
    if window is None or pace is None or (pace.ends <= now and rule.key not in window.held):
        return None
    told = f"told {ago(now - (pace.ends - pace.length))}; at most one message per {_per(pace.length)}"
    if rule.key not in window.held:
        return told
    due = as_time(datetime.fromtimestamp(max(window.due, now), UTC))
    return f"{told}; {many(window.count, 'report')} held back for the digest of {due}"


def ago(seconds: float) -> str:
    """`3 minutes ago`, in the largest unit that fits."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{many(int(seconds // length), unit)} ago"
    return f"{many(max(0, int(seconds)), 'second')} ago"


def _per(seconds: float) -> str:
    return duration(int(seconds)).removeprefix("1 ")
