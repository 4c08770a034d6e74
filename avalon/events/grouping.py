"""The `data` of the facts about the grouping: rules, and groups that are bound before their first report.

They are appended by `log.regroup`, which carries a change of the grouping out, and by what undoes it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from avalon.events.decisions import IssueFact


class GroupingRuleCreated(IssueFact, kw_only=True):
    """Stream: the rule; its service is the column, or NULL for all. One that is brought back is as it was."""

    TYPE = "grouping_rule.created"
    kind: str
    function: str = ""
    module: str = ""
    pattern: str = ""
    created_at: datetime | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    position: int | UnsetType = UNSET


class GroupingRuleDeleted(IssueFact, kw_only=True):
    """Stream: the rule; what it was."""

    TYPE = "grouping_rule.deleted"
    kind: str
    function: str
    module: str
    pattern: str
    created_at: datetime
    created_by: str
    position: int


class IssueGroupsBound(IssueFact, kw_only=True):
    """Groups that have no report yet will belong to this issue. Stream: the issue."""

    TYPE = "issue.groups_bound"
    groups: list[UUID]


class IssueGroupsUnbound(IssueFact, kw_only=True):
    """They will not; those that have got reports meanwhile stay."""

    TYPE = "issue.groups_unbound"
    groups: list[UUID]
