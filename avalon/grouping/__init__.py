"""Which group a report belongs to. Pure: a report in, a versioned key and its parts out."""

from avalon.grouping.deciding import deciding_exception
from avalon.grouping.fingerprint import VERSION, group_id, group_report
from avalon.grouping.rules import Rule, RuleKind, RuleSet, check_rule

__all__ = [
    "VERSION",
    "Rule",
    "RuleKind",
    "RuleSet",
    "check_rule",
    "deciding_exception",
    "group_id",
    "group_report",
]
