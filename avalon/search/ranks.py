"""Numbers that every report changes: an index of them would be written for every report.

So the indexes are by a rank, which grows with the number in steps of a quarter: see the table's columns in
sql/migrations/0006_issue.sql. Whoever looks for a number, or sorts by it, names the rank first.
"""

from __future__ import annotations

from typing import Final

RANKED: Final = ("events", "users")
# A number that is greater may be of the same rank, but of none that is less.
_ROUGH: Final = {"<": "<=", ">": ">="}


def rank_of(number: str) -> str:
    """The rank of a number, both in SQL: as the table makes it."""
    return f"(4 * ln(greatest({number}, 0) + 1))::integer"


def compared(column: str, operator: str, number: str) -> str:
    """The condition that a ranked column compares so with a number."""
    rough = _ROUGH.get(operator, operator)
    return f"{column}_rank {rough} {rank_of(number)} AND {column} {operator} {number}"
