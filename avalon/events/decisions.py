"""The `data` of the facts about issues that people make, and what undoes them. Stream: the issue.

All of one command carry the same `action`. A decision also says what was decided before it (`was`), so that
undoing it is exact; that, and all that only the log's lock can know, is filled in by the routines that append
these facts: `log.change_issues`, `log.merge_issues`, `log.unmerge_issue` and `log.undo`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from avalon.events.rows import Fact


class IssueFact(Fact):
    """What they have in common. An undo names the fact that it takes back."""

    action: UUID | UnsetType = UNSET
    undoes: UUID | UnsetType = UNSET


class Decision(IssueFact):
    """`was` is the state before; `stands` the decision that holds then, where an undo gave it back."""

    was: dict[str, Any] | UnsetType = UNSET
    stands: int | UnsetType = UNSET


class IssueResolved(Decision):
    """In a release, in the one after `current_release` (the newest then), or just now."""

    TYPE = "issue.resolved"
    in_release: str | None = None
    in_next_release: bool = False
    current_release: str | None = None


class IssueReopened(Decision):
    TYPE = "issue.reopened"


class IssueIgnored(Decision):
    TYPE = "issue.ignored"


class IssueMuted(Decision):
    """Until a time, or N more events or users than there were then, whatever comes first."""

    TYPE = "issue.muted"
    until: datetime | None = None
    events: int | None = None
    users: int | None = None
    events_then: int | UnsetType = UNSET
    users_then: int | UnsetType = UNSET


class IssueAssigned(Decision):
    TYPE = "issue.assigned"
    assignee: UUID | None = None


class IssueDeleted(Decision):
    """The issue goes, with all reports of its groups that stand before this fact."""

    TYPE = "issue.deleted"


class IssueRestored(Decision):
    """A deletion is taken back."""

    TYPE = "issue.restored"


class IssueUndone(Decision, kw_only=True):
    """A decision is taken back: `state` is what it was before that."""

    TYPE = "issue.undone"
    state: dict[str, Any]


class IssueGroupsMoved(IssueFact, kw_only=True, rename={"from_": "from"}):
    """Groups belong to this issue from now on. `home` is where unmerging sends them, if that changes too."""

    TYPE = "issue.groups_moved"
    from_: UUID
    groups: list[UUID]
    kind: str
    home: UUID | UnsetType = UNSET
    home_before: UUID | UnsetType = UNSET


class IssueCommented(IssueFact, kw_only=True):
    """Said again by an undo, a comment keeps its author, its time and its place.

    Of the user of a program: what they gave as their `name` and `email`, and the `report` that it is about.
    """

    TYPE = "issue.commented"
    comment: UUID
    text: str
    author: str | UnsetType = UNSET
    commented_at: datetime | UnsetType = UNSET
    position: int | UnsetType = UNSET
    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    report: UUID | UnsetType = UNSET


class IssueCommentDeleted(IssueFact, kw_only=True):
    TYPE = "issue.comment_deleted"
    comment: UUID
