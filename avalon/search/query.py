"""A query as a tree of frozen structs, and the tree as text again: `parse(to_text(query)) == query`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

Operator = Literal["=", "<", "<=", ">", ">="]
Precision = Literal["day", "minute", "second", "microsecond"]
Unit = Literal["m", "h", "d", "w"]

UNITS: Final[dict[str, timedelta]] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
# What needs no quotes, as a value and as a word.
_PLAIN_VALUE: Final = re.compile(r"[\w./@+-]+")
_PLAIN_WORD: Final = re.compile(r"[^\W\d_][\w./@+]*|\d[\w./@+:]*")
_PLAIN_TAG: Final = re.compile(r'[^\s":\\*]+')
# What other languages join terms by: here it must be quoted, or it would find nothing without a word.
OPERATORS: Final = {
    "OR": "one of several values is `[a, b]`",
    "AND": "all terms hold anyway, with blanks between them",
    "NOT": "a minus before a term is its contrary: `-level:error`",
}
_SPECIAL: Final = re.compile(r'([\\"*])')


class Pattern(msgspec.Struct, frozen=True):
    """A value: what stands between its stars. One piece: a value without a star."""

    pieces: tuple[str, ...]

    @property
    def literal(self) -> str | None:
        """The value, where it has no star."""
        return self.pieces[0] if len(self.pieces) == 1 else None


class Words(msgspec.Struct, frozen=True, tag=True):
    """Free text: words in this order; with `is_prefix` the last may go on."""

    text: str
    is_prefix: bool
    is_negated: bool = False


class Match(msgspec.Struct, frozen=True, tag=True):
    """A key with the values that it may have, any of them. `name` is the tag's, where the key is `tag`."""

    key: str
    values: tuple[Pattern, ...]
    name: str | None = None
    is_negated: bool = False


class Age(msgspec.Struct, frozen=True, tag=True):
    """So long ago: `90m`, `2w`."""

    amount: int
    unit: Unit

    @property
    def length(self) -> timedelta:
        return self.amount * UNITS[self.unit]


class Period(msgspec.Struct, frozen=True, tag=True):
    """A time, which lasts as long as it is written exactly: a date is a whole day of UTC."""

    start: datetime
    precision: Precision

    @property
    def end(self) -> datetime:
        return self.start + timedelta(**{f"{self.precision}s": 1})


class Comparison(msgspec.Struct, frozen=True, tag=True):
    """A key with a number, a time or an age on the other side of an operator."""

    key: str
    operator: Operator
    value: int | Age | Period
    is_negated: bool = False


Term = Words | Match | Comparison
Query = tuple[Term, ...]


def to_text(query: Query) -> str:
    """The query as one would write it."""
    return " ".join(("-" if term.is_negated else "") + _term(term) for term in query)


def _term(term: Term) -> str:
    match term:
        case Words(text, is_prefix):
            is_plain = is_prefix and text not in OPERATORS and _PLAIN_WORD.fullmatch(text)
            return text if is_plain else f'"{_escape(text)}{"*" if is_prefix else ""}"'
        case Match(key, values, name):
            tag = "" if name is None else "." + _tag(name)
            shown = [_pattern(value) for value in values]
            return f"{key}{tag}:" + (shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]")
        case Comparison(key, operator, value):
            return f"{key}:{'' if operator == '=' else operator}{_operand(value)}"


def _tag(name: str) -> str:
    return name if _PLAIN_TAG.fullmatch(name) else f'"{_escape(name)}"'


def _pattern(value: Pattern) -> str:
    text = "*".join(map(_escape, value.pieces))
    is_plain = all(_PLAIN_VALUE.fullmatch(piece) for piece in value.pieces if piece)
    return text if text and is_plain else f'"{text}"'


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _operand(value: int | Age | Period) -> str:
    match value:
        case int():
            return str(value)
        case Age(amount, unit):
            return f"{amount}{unit}"
        case Period(start, precision):
            at = start.astimezone(UTC).replace(tzinfo=None)
            if precision == "day":
                return at.date().isoformat()
            timespec = {"minute": "minutes", "second": "seconds", "microsecond": "microseconds"}[precision]
            return f"{at.isoformat(timespec=timespec)}Z"
