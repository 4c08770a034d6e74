"""What stands behind an operator: numbers, ages, times.

A duration is an age: `last:<1h` is younger than an hour, `last:>7d` older than a week. A time lasts as long
as it is written exactly, and `>` means after its end: `first:>2026-11-01` begins with the second of November.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, cast

from avalon.search.keys import Key
from avalon.search.query import Age, Comparison, Operator, Period, Precision, Unit
from avalon.search.scanner import Scanner

_OPERATORS: Final = ("<=", ">=", "<", ">", "=")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_AGE: Final = re.compile(r"([0-9]{1,4})(m|h|d|w)")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.IGNORECASE,
)
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


def take_comparison(scanner: Scanner, key: Key, is_negated: bool) -> Comparison:
    """An operator, or none, and what stands behind it."""
    operator = cast("Operator", scanner.take(*_OPERATORS) or "=")
    value = scanner.take_value()
    literal = value.pattern.literal
    if key.kind == "number":
        if literal is None or not _NUMBER.fullmatch(literal):
            scanner.fail(value.column, f"a number is expected here, as in {key.example}")
        return Comparison(key.name, operator, int(literal), is_negated)
    operand = _read_time(literal or "")
    if operand is None:
        scanner.fail(
            value.column, "a time like 2026-11-01 or 2026-11-01T14:00Z, or an age like 30m, 1h, 7d or 2w"
        )
    if isinstance(operand, Age) and operator == "=":
        operator = "<"
    return Comparison(key.name, operator, operand, is_negated)


def _read_time(text: str) -> Age | Period | None:
    if age := _AGE.fullmatch(text):
        return Age(int(age[1]), cast("Unit", age[2]))
    found = _TIME.fullmatch(text)
    if not found:
        return None
    try:
        at = datetime.fromisoformat(text.upper())
        at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        return None
    return Period(at, _precision(found))


def _precision(found: re.Match[str]) -> Precision:
    """How exactly a time is written."""
    if not found[1]:
        return "day"
    if not found[2]:
        return "minute"
    return "microsecond" if found[3] else "second"
