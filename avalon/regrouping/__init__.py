"""Regrouping without fear: another grouping is looked at before it is applied, and can be taken back.

    rule_book   the grouping rules that ingest goes by, in a cache
    reading     groups the reports of the last days anew
    plan        what that brings together and what it splits; pure
    preview     the same for people
    commands    carries it out, and ends rules

Grouping versions: a new one groups what comes in from then on. The groups of the one before stay in their
issues, and the new one's open issues of their own, until `apply` with the running version brings those that
share reports together again. Reports do not follow by themselves: that
would need the code of every version beside the newest, and twice the work for each report.
"""

from avalon.regrouping.commands import Applied, Regrouping, delete_rule
from avalon.regrouping.preview import Preview, show_merge
from avalon.regrouping.reading import MAX_DAYS, Change
from avalon.regrouping.rule_book import RuleBook, RuleItem, list_rules

__all__ = [
    "MAX_DAYS",
    "Applied",
    "Change",
    "Preview",
    "Regrouping",
    "RuleBook",
    "RuleItem",
    "delete_rule",
    "list_rules",
    "show_merge",
]
