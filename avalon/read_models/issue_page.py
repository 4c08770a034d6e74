"""An issue as a page of Markdown, for people and for programs that read.

All that reporters wrote stands in code, in spans or blocks whose fences are longer than any run of backticks
inside: whatever it holds, it is not read as Markdown, HTML or a link.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from avalon.database import Database
from avalon.read_models import errors, issues
from avalon.read_models.errors import ErrorDetail
from avalon.read_models.issues import IssueItem, Tag

MAX_STACK: Final = 20_000
MAX_FRAMES: Final = 100
VALUES: Final = 5

# Controls but tab and newline, C1, line separators, and what turns the direction of writing.
_INVISIBLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_TICKS: Final = re.compile("`+")

Resolve = Callable[[ErrorDetail], Awaitable[ErrorDetail]]


async def read_page(database: Database, id_: UUID, resolve: Resolve) -> str:
    """The page of an issue; raises NotFound. `resolve` shows frames as they were written."""
    issue = await issues.find_issue(database, id_)
    tags = await issues.read_tags(database, id_)
    newest = await issues.list_events(database, id_, limit=1)
    (last,) = newest.items or (None,)
    report = await errors.find_error(database, last.id, recorded_at=last.recorded_at) if last else None
    report = await resolve(report) if report else None
    parts = [
        _head(issue),
        _facts(issue),
        _report(report) if report else "No report of it is kept.",
        _tags(tags.items),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def span(text: str) -> str:
    """A text on one line, as code."""
    line = " ".join(_INVISIBLE.sub("\ufffd", text).split()) or " "
    fence = "`" * (_longest_run(line) + 1)
    gap = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{gap}{line}{gap}{fence}"


def block(text: str) -> str:
    """A text as a block of code; what is too long loses its middle."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(lines) > MAX_STACK:
        lines = f"{lines[: MAX_STACK // 2]}\n…\n{lines[-MAX_STACK // 2 :]}"
    clean = _INVISIBLE.sub("\ufffd", lines).strip("\n")
    fence = "`" * max(3, _longest_run(clean) + 1)
    return f"{fence}\n{clean}\n{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)


def _head(issue: IssueItem) -> str:
    said = ": ".join(part for part in (issue.type, issue.title) if part) or "no title"
    moved = f"\n\nIts reports belong to the issue {issue.moved_to} now." if issue.moved_to else ""
    return f"# {span(said)}{moved}"


def _facts(issue: IssueItem) -> str:
    status = f"{issue.status}, {issue.substatus}" if issue.substatus else issue.status
    facts = {
        "Id": str(issue.id),
        "Status": status,
        "Level": issue.level,
        "Service": span(issue.service),
        "Where": span(issue.culprit) if issue.culprit else "",
        "First seen": issue.first_seen or "",
        "Last seen": issue.last_seen or "",
        "Reports": str(issue.events),
        "Users": str(issue.users),
        "Last 24 hours": " ".join(map(str, issue.sparkline)),
        "Environments": ", ".join(map(span, issue.environments)),
        "Releases": ", ".join(map(span, issue.releases)),
        "Assigned to": span(issue.assignee_name) if issue.assignee_name else "",
    }
    return "\n".join(f"* {name}: {value}" for name, value in facts.items() if value)


def _report(report: ErrorDetail) -> str:
    said = [f"## The latest report\n\n{report.id}, {report.occurred_at}", block(report.message or "")]
    frames = _frames(report.exceptions)
    is_resolved = any(frame.get("resolved") for one in report.exceptions for frame in one.get("frames") or [])
    if stack := frames if is_resolved else report.stack or frames:
        said.append(block(stack))
    return "\n\n".join(said)


def _frames(exceptions: list[Any]) -> str:
    """The exceptions that a client sent in parts, the innermost first."""
    lines: list[str] = []
    for one in reversed(exceptions):
        lines.append(f"{one.get('type') or 'Error'}: {one.get('value') or ''}")
        for frame in reversed((one.get("frames") or [])[-MAX_FRAMES:]):
            place = f"{frame.get('filename') or frame.get('abs_path') or '?'}:{frame.get('lineno') or '?'}"
            lines.append(f"    at {frame.get('function') or '?'} ({place})")
    return "\n".join(lines)


def _tags(tags: list[Tag]) -> str:
    return "## Tags\n\n" + "\n".join(map(_tag, tags)) if tags else ""


def _tag(tag: Tag) -> str:
    values = [f"{span(one.value)} {one.share:.0%}" for one in tag.values[:VALUES]]
    rest = tag.distinct_values - len(values)
    more = f", and {rest} more" if rest > 0 else ""
    return f"* {span(tag.key) if tag.key else 'other tags'}: {', '.join(values)}{more}"
