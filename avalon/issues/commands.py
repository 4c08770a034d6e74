"""Commands about issues. Each is one statement that takes the log's lock, looks, and appends.

All facts of a command carry its action's id, by which `undo` takes them back. Up to 500 issues, or 50 that
are deleted, are one transaction; more go in several, under the same action. Where the process dies or
somebody is in the way between two of them, each issue is either done or not: sending the command again does
the rest, and undoing the action takes back what was done. Raises NotFound, Conflict (with the position that
stands), BadInput and Forbidden.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
import psycopg

from avalon.database import Database, RawJson
from avalon.errors import AvalonError, BadInput, Conflict, NotFound, refusal
from avalon.events import Fact, IssueCommentDeleted, IssueCommented, IssueDeleted, uuid7
from avalon.issues.chunks import CHUNK, chunks
from avalon.statements import load

sql = load("issue_commands")

MAX_ISSUES: Final = 10_000
MAX_COMMENT: Final = 20_000
UNDONE_AT_ONCE: Final = 1_000
DELETED_AT_ONCE: Final = 50
# So many issues are named where something can't be done with them.
MAX_NAMED: Final = 10

_encode = msgspec.json.Encoder().encode


class Done(msgspec.Struct, frozen=True):
    """The action's id, and how many issues it was: groups where one was unmerged, facts of an undo."""

    action: UUID
    changed: int


class Undone(Done, frozen=True):
    """`unassigned`: issues that belong to nobody again, because whoever they were assigned to is gone."""

    unassigned: int


async def change(
    database: Database,
    issue: UUID,
    facts: Sequence[Fact],
    actor: str,
    *,
    expected_position: int | None = None,
) -> Done:
    """Appends decisions about one issue; it must still stand at the position that was expected, if any."""
    action = uuid7()
    params = _params([issue], facts, actor, action, expected_position, is_bulk=False)
    return Done(action, await _ask(database, sql.change, params))


async def change_all(
    database: Database,
    issues: Sequence[UUID],
    facts: Sequence[Fact],
    actor: str,
    *,
    expected_position: int | None = None,
) -> Done:
    """Appends the same decisions about many issues, or raises before the first where one is not there.

    With `expected_position` nothing may have been decided about any of them since; that takes one
    transaction, so it is for at most 500.
    """
    wanted = _bounded(issues)
    if expected_position is not None and len(wanted) > CHUNK:
        raise BadInput(f"with this at most {CHUNK} issues", field="expected_position")
    await _require(database, wanted)
    action, changed = uuid7(), 0
    # Everything that is counted of an issue is renamed where it is deleted.
    size = DELETED_AT_ONCE if any(isinstance(fact, IssueDeleted) for fact in facts) else CHUNK
    for chunk in chunks(wanted, size):
        params = _params(chunk, facts, actor, action, expected_position, is_bulk=True)
        async with partly(action, changed):
            changed += await _ask(database, sql.change, params)
    return Done(action, changed)


async def merge(database: Database, target: UUID, others: Sequence[UUID], actor: str) -> Done:
    """Moves all groups of the others to the target; says how many others. All must be there."""
    wanted = [other for other in _bounded(others) if other != target]
    if not wanted:
        raise BadInput("a merge takes at least two issues", field="ids")
    await _require(database, [target, *wanted])
    action, changed = uuid7(), 0
    for chunk in chunks(wanted):
        params = {"target": target, "others": chunk, "actor": actor, "action": action}
        async with partly(action, changed):
            changed += await _ask(database, sql.merge, params)
    return Done(action, changed)


async def unmerge(database: Database, issue: UUID, groups: Sequence[UUID] | None, actor: str) -> Done:
    """Sends groups back where they came from: those that came from elsewhere, or the chosen ones.

    A chosen one that came from nowhere else gets a new issue.
    """
    if groups is not None and not 1 <= len(groups) <= MAX_ISSUES:
        raise BadInput(f"1 to {MAX_ISSUES} of them", field="groups")
    action = uuid7()
    params = {"issue": issue, "groups": _unique(groups), "actor": actor, "action": action}
    return Done(action, await _ask(database, sql.unmerge, params))


async def comment(database: Database, issue: UUID, text: str, actor: str) -> tuple[UUID, Done]:
    """The new comment's id, and the action."""
    text = text.strip().replace("\0", "\ufffd")
    if not 1 <= len(text) <= MAX_COMMENT:
        raise BadInput(f"1 to {MAX_COMMENT} characters", field="text")
    fact = IssueCommented(comment=uuid7(), text=text)
    return fact.comment, await change(database, issue, [fact], actor)


async def delete_comment(
    database: Database, issue: UUID, comment: UUID, actor: str, *, is_admin: bool = False
) -> Done:
    """Takes a comment away: one's own, or as an admin anybody's; raises NotFound for all others."""
    action = uuid7()
    fact = IssueCommentDeleted(comment=comment, action=action).new(issue, actor)
    params = {
        "issue": issue,
        "comment": comment,
        "author": None if is_admin else actor,
        "fact": fact.id,
        "actor": actor,
        "data": RawJson(bytes(fact.data)),
    }
    if await database.fetch_value(sql.delete_comment, params) is None:
        raise NotFound(f"there is no such comment{'' if is_admin else ' of yours'}")
    return Done(action, 1)


async def undo(database: Database, id: UUID, actor: str, *, is_admin: bool = False) -> Undone:
    """Takes back a fact, or those of an action that stand: all or nothing.

    More than 1,000 are looked at as one, and taken back in parts, so that nobody waits long for the log.
    """
    action, changed, unassigned = uuid7(), 0, 0
    wanted: list[int] | None = None
    params = {"id": id, "actor": actor, "is_admin": is_admin, "action": action, "part": UNDONE_AT_ONCE}
    while wanted != []:
        async with partly(action, changed), refusals():
            (done,) = await database.fetch_dicts(sql.undo, params | {"wanted": wanted})
        changed, unassigned = changed + done["changed"], unassigned + done["unassigned"]
        wanted = done["remaining"]
    return Undone(action, changed, unassigned)


async def _require(database: Database, issues: list[UUID]) -> None:
    """Raises NotFound or Conflict that name those not there. What goes after this is left out."""
    absent = await database.fetch_dicts(sql.absent, {"issues": issues, "row_limit": MAX_NAMED})
    if not absent:
        return
    more = absent[0]["total"] - len(absent)
    rest = f", and {more} more" if more else ""
    gone = [str(row["id"]) for row in absent if row["moved_to"] is None]
    if gone:
        raise NotFound(f"nothing was done: there is no issue {', '.join(gone)}{rest}")
    moved = [f"{row['id']} into {row['moved_to']}" for row in absent]
    raise Conflict(f"nothing was done: merged was {', '.join(moved)}{rest}")


def _params(
    issues: list[UUID],
    facts: Sequence[Fact],
    actor: str,
    action: UUID,
    expected_position: int | None,
    *,
    is_bulk: bool,
) -> dict[str, Any]:
    return {
        "issues": issues,
        "changes": RawJson(_encode([{"type": fact.TYPE, "data": fact} for fact in facts])),
        "actor": actor,
        "action": action,
        "expected": expected_position,
        "is_bulk": is_bulk,
    }


def _bounded(issues: Sequence[UUID]) -> list[UUID]:
    if not 1 <= len(issues) <= MAX_ISSUES:
        raise BadInput(f"1 to {MAX_ISSUES} issues", field="ids")
    return _unique(issues) or []


@asynccontextmanager
async def partly(action: UUID, changed: int) -> AsyncIterator[None]:
    """A refusal in the middle says what was done before it, and how that is taken back."""
    try:
        yield
    except AvalonError as error:
        if changed:
            error.message += f"; {changed} were done before, which POST /api/undo/{action} takes back"
        raise


def _unique(ids: Sequence[UUID] | None) -> list[UUID] | None:
    return None if ids is None else list(dict.fromkeys(ids))


async def _ask(database: Database, statement: LiteralString, params: dict[str, Any]) -> int:
    async with refusals():
        return int(await database.fetch_value(statement, params))


@asynccontextmanager
async def refusals() -> AsyncIterator[None]:
    """What the routines raise, as our own errors."""
    try:
        yield
    except psycopg.DatabaseError as error:
        known = refusal(error.sqlstate, error.diag.message_primary, error.diag.message_detail)
        if known is None:
            raise
        raise known from None
