"""What people do with issues: commands that append facts (`commands`), and facts in words (`explain`)."""

from avalon.issues.assignees import find_assignee
from avalon.issues.commands import (
    MAX_ISSUES,
    Done,
    Undone,
    change,
    change_all,
    comment,
    delete_comment,
    merge,
    undo,
    unmerge,
)
from avalon.issues.explain import explain
from avalon.issues.silence import keep_unmuting

__all__ = [
    "MAX_ISSUES",
    "Done",
    "Undone",
    "change",
    "change_all",
    "comment",
    "delete_comment",
    "explain",
    "find_assignee",
    "keep_unmuting",
    "merge",
    "undo",
    "unmerge",
]
