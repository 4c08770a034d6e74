"""What people send to change issues, and the facts that it asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from avalon.errors import BadInput
from avalon.events import (
    Fact,
    IssueAssigned,
    IssueDeleted,
    IssueIgnored,
    IssueMuted,
    IssueReopened,
    IssueResolved,
)
from avalon.routes.parameters import MAX_TEXT, read_text, read_time

MAX_COUNT: Final = 1_000_000_000

Position = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Status = Literal["resolved", "unresolved", "ignored"]
BulkAction = Literal["resolve", "reopen", "ignore", "mute", "assign", "merge", "delete"]


class MuteBody(msgspec.Struct, forbid_unknown_fields=True):
    """Until a time, or so many more events or users: whatever comes first. At least one of them."""

    until: str | None = None
    events: int | None = None
    users: int | None = None


class IssueChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Only what is there is changed. `expected_position` is the issue's `position` as it was seen.

    `in_release` ("current", "next" or a release) goes with "resolved"; `mute` with "ignored", or alone.
    `assignee` is a user's id or name, "me", or null: nobody.
    """

    status: Status | UnsetType = UNSET
    in_release: str | None = None
    mute: MuteBody | None = None
    assignee: str | UnsetType | None = UNSET
    expected_position: Position | None = None


class BulkBody(msgspec.Struct, forbid_unknown_fields=True):
    """The issues by `ids`, or those that the query `q` finds; all of them at once, or none.

    A merge goes `into` one of them, or into another: else into the first that is named, or was seen last.
    With `expected_position` nothing may have been decided about any of them since.
    """

    action: BulkAction
    ids: list[UUID] | UnsetType = UNSET
    q: str | UnsetType = UNSET
    in_release: str | None = None
    mute: MuteBody | None = None
    assignee: str | UnsetType | None = UNSET
    into: UUID | None = None
    expected_position: Position | None = None


class CommentBody(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class UnmergeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Without `groups`: all that came from other issues."""

    groups: list[UUID] | None = None


def facts_of_change(body: IssueChangeBody, assignee: UUID | None) -> list[Fact]:
    """The facts that a change asks for; `assignee` is who the body's is. Raises BadInput."""
    status = body.status
    if status is UNSET and body.mute is not None:
        status = "ignored"
    if body.in_release is not None and status != "resolved":
        raise BadInput('goes with the status "resolved"', field="in_release")
    if body.mute is not None and status != "ignored":
        raise BadInput('goes with the status "ignored"', field="mute")
    facts: list[Fact] = []
    if status == "resolved":
        facts.append(_resolved(body.in_release))
    elif status == "unresolved":
        facts.append(IssueReopened())
    elif status == "ignored":
        facts.append(_muted(body.mute) if body.mute else IssueIgnored())
    if body.assignee is not UNSET:
        facts.append(IssueAssigned(assignee=assignee))
    if not facts:
        raise BadInput("give at least one of status, mute, assignee")
    return facts


def facts_of_action(body: BulkBody, assignee: UUID | None) -> list[Fact]:
    """The facts that an action asks for of every issue, but for a merge. Raises BadInput."""
    _refuse_strays(body)
    match body.action:
        case "resolve":
            return [_resolved(body.in_release)]
        case "reopen":
            return [IssueReopened()]
        case "ignore":
            return [IssueIgnored()]
        case "mute":
            return [_muted(body.mute or MuteBody())]
        case "assign":
            if body.assignee is UNSET:
                raise BadInput('required: a user\'s id or name, "me", or null', field="assignee")
            return [IssueAssigned(assignee=assignee)]
        case "delete":
            return [IssueDeleted()]
    return []


_OWN_FIELDS: Final = {"resolve": "in_release", "mute": "mute", "assign": "assignee", "merge": "into"}


def _refuse_strays(body: BulkBody) -> None:
    """A field that belongs to another action was not meant: nothing is done."""
    for action, field in _OWN_FIELDS.items():
        if action != body.action and getattr(body, field) not in (None, UNSET):
            raise BadInput(f"goes with the action {action}", field=field)
    if body.action == "merge" and body.expected_position is not None:
        raise BadInput("a merge takes none", field="expected_position")


def _resolved(in_release: str | None) -> IssueResolved:
    if in_release == "next":
        return IssueResolved(in_next_release=True)
    if in_release is not None and not in_release.strip():
        raise BadInput(f'"current", "next" or a release of 1 to {MAX_TEXT} characters', field="in_release")
    return IssueResolved(in_release=read_text(in_release, "in_release"))


def _muted(body: MuteBody) -> IssueMuted:
    until = read_time(body.until, "mute.until")
    if until is not None and until <= datetime.now(UTC):
        raise BadInput("must be in the future", field="mute.until")
    for name in ("events", "users"):
        number: Any = getattr(body, name)
        if number is not None and not 1 <= number <= MAX_COUNT:
            raise BadInput(f"1 to {MAX_COUNT}", field=f"mute.{name}")
    if until is None and body.events is None and body.users is None:
        raise BadInput("give at least one of until, events, users", field="mute")
    return IssueMuted(until=until, events=body.events, users=body.users)
