"""Makes messages out of what the outbox names: the words are read from the log at the last moment, so that a
report that was purged meanwhile says nothing any more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.events import REPORTED
from avalon.reports import Report
from avalon.sinks import Alert, Counts, Digest, DigestLine, Message
from avalon.statements import load
from avalon.subscriptions.state import Bundle, Item, Single, Window

sql = load("subscriptions")

UNTITLED = "(untitled)"


class _ReportRow(msgspec.Struct):
    id: UUID
    position: int
    service: str
    level: str
    environment: str | None
    release: str | None
    occurred_at: datetime
    data: dict[str, Any]


class _Whole(msgspec.Struct):
    id: UUID
    service: str
    level: str
    type: str | None
    title: str | None
    culprit: str | None
    events: int
    users: int


class _IssueRow(msgspec.Struct):
    issue: UUID
    title: str
    events: int
    users: int


class _RuleRow(msgspec.Struct):
    id: UUID
    name: str


async def compose(database: Database, item: Item, base: str | None) -> Message | None:
    """The message of one item; None where what it tells of is not kept any more."""
    if isinstance(item, Bundle):
        return await _digest(database, item, base)
    return await _alert(database, item, base)


async def _alert(database: Database, item: Single, base: str | None) -> Alert | None:
    params = {"position": item.position, "recorded_at": item.recorded_at}
    row = await database.fetch_one(sql.report, params, row=_ReportRow)
    if row is None:
        return None if item.what == REPORTED else await _of_issue(database, item)
    report = _read(row.data)
    issue = (await _issues(database, [item.issue])).get(item.issue)
    return Alert(
        what=item.what,
        position=row.position,
        reason=await _reason(database, item),
        issue=item.issue,
        title=issue.title if issue else UNTITLED,
        counts=Counts(events=issue.events, users=issue.users) if issue else None,
        culprit=report.transaction,
        report=row.id,
        service=row.service,
        level=row.level,
        message=report.message,
        type=report.deciding_type,
        path=report.path,
        method=report.method,
        stack=report.stack or _frames(report),
        environment=row.environment or "",
        release=row.release or "",
        occurred_at=row.occurred_at,
        url=_link(base, row.id),
    )


async def _of_issue(database: Database, item: Single) -> Alert | None:
    """What happened to an issue none of whose reports is kept."""
    issue = await database.fetch_one(sql.issue, {"issue": item.issue}, row=_Whole)
    if issue is None:
        return None
    return Alert(
        what=item.what,
        position=item.position,
        reason=await _reason(database, item),
        issue=issue.id,
        title=issue.title or UNTITLED,
        counts=Counts(events=issue.events, users=issue.users),
        culprit=issue.culprit or "",
        service=issue.service,
        level=issue.level,
        type=issue.type or "",
        occurred_at=item.recorded_at,
    )


async def _digest(database: Database, item: Bundle, base: str | None) -> Digest:
    issues = await _issues(database, list(item.windows))
    loudest = sorted(item.windows.items(), key=lambda pair: -pair[1].count)
    first, last = item.span
    return Digest(
        lines=[_line(issue, window, issues.get(issue), base) for issue, window in loudest],
        first_position=first,
        last_position=last,
        since=datetime.fromtimestamp(min(window.since for _, window in loudest), UTC),
        until=datetime.fromtimestamp(item.queued, UTC),
        url=f"{base}/errors" if base else None,
    )


async def _reason(database: Database, item: Single) -> str:
    """Why it is told: what was reached, and the rules that asked for it. Empty for the sink's own levels."""
    rows = await database.fetch(sql.rule_names, {"rules": item.rules}, row=_RuleRow) if item.rules else []
    names = ", ".join(row.name for row in rows)
    return " · ".join(filter(None, [item.words, f"rule: {names}" if names else ""]))


async def _issues(database: Database, issues: list[UUID]) -> dict[UUID, _IssueRow]:
    rows = await database.fetch(sql.titles, {"issues": issues}, row=_IssueRow)
    return {row.issue: row for row in rows}


def _line(issue: UUID, window: Window, known: _IssueRow | None, base: str | None) -> DigestLine:
    return DigestLine(
        issue=issue,
        service=window.service,
        level=window.level,
        title=known.title if known else UNTITLED,
        count=window.count,
        report=window.latest,
        url=_link(base, window.latest),
    )


def _link(base: str | None, report: UUID | None) -> str | None:
    return f"{base}/errors/{report}" if base and report else None


def _read(data: dict[str, Any]) -> Report:
    """The canonical report; one that says so where its payload was purged."""
    try:
        return msgspec.convert(data, Report)
    except msgspec.ValidationError:
        return Report(message="(this report was purged)")


def _frames(report: Report) -> str:
    """A stack made of frames, where the client sent no text; the innermost comes last, as in the report."""
    lines = []
    for exception in report.exceptions:
        lines += [
            f"  {frame.function or '?'} ({frame.filename or frame.module or '?'}:{frame.lineno or '?'})"
            for frame in exception.frames
        ]
        lines.append(f"{exception.type}: {exception.value}")
    return "\n".join(lines) if any(exception.frames for exception in report.exceptions) else ""
