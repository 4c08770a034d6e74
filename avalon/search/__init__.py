"""The search language of lists: text in, a checked query out, and from it a condition of SQL.

A query is terms with blanks between them, and all of them must hold: `is:unresolved level:[error, fatal]
release:1.4.* last:<1h -tag.browser:firefox "connection refused"`. Nothing here asks a database. What can't be
read is a `BadQuery`, which says at which column, and what was expected there.
"""

from avalon.search.conditions import Conditions, issue_conditions
from avalon.search.keys import ISSUES, REPORTS, Key
from avalon.search.parser import MAX_LENGTH, MAX_TERMS, parse
from avalon.search.query import Age, Comparison, Match, Pattern, Period, Query, Term, Words, to_text
from avalon.search.ranks import RANKED, rank_of
from avalon.search.report_conditions import report_conditions

__all__ = [
    "ISSUES",
    "MAX_LENGTH",
    "MAX_TERMS",
    "RANKED",
    "REPORTS",
    "Age",
    "Comparison",
    "Conditions",
    "Key",
    "Match",
    "Pattern",
    "Period",
    "Query",
    "Term",
    "Words",
    "issue_conditions",
    "parse",
    "rank_of",
    "report_conditions",
    "to_text",
]
