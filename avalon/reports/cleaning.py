"""Cleans single values of a report: cuts, repairs and scrubs them.

Every string passes `Cleaner.text` and every free-form value `Cleaner.tree`. Nothing is refused: what is too
long is cut, and named with its original length (characters of a text, entries of a list or an object, JSON
bytes of an entry that was left out because its object is too large in all).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec

from avalon.reports.limits import MAX_DEPTH, MAX_ENTRIES, MAX_FREE_FORM_BYTES, MAX_KEY, MAX_TEXT
from avalon.reports.scrubbing import ALL_CHECKS, FILTERED, checks_needed, is_card, is_secret_key

T = TypeVar("T")

# Looked at beyond a cut, so that a secret that begins before it is recognised.
MARGIN: Final = 4_096
# Scrubbing can make JSON longer, but not eightfold.
_SURELY_FITTING_BYTES: Final = MAX_FREE_FORM_BYTES // 8
_INT64: Final = 2**63
_SMALLEST_CARD: Final = 10**12
# jsonb prints 1e308 as 309 digits, so numbers outside of these are kept as text.
_LARGEST_FLOAT: Final = 1e21
_SMALLEST_FLOAT: Final = 1e-15

# How many such keys are remembered, and up to which length.
_INNOCENT: Final = 4_096
_MAX_INNOCENT: Final = 64

_FREE_TEXT: Final = MAX_TEXT["free"]
_FREE_ENTRIES: Final = MAX_ENTRIES["free"]
_encode = msgspec.json.Encoder().encode


class Cleaner:
    """The cleaning of one report: the checks that its texts need, and what was cut so far."""

    __slots__ = ("checks", "cut", "is_plain", "is_small")

    # What avalon.reports.privacy has its own of.
    is_secret: Callable[[str], bool] = staticmethod(is_secret_key)
    innocent: set[str] = set()  # noqa: RUF012  # keys that are neither secret nor too long, of all reports
    keeps_addresses = True

    def __init__(self, source: bytes | None = None) -> None:
        """`source`: the JSON text that all strings to come were decoded from; None if there is none."""
        self.checks = ALL_CHECKS if source is None else checks_needed(source)
        self.is_plain = not self.checks
        self.is_small = source is not None and len(source) <= _SURELY_FITTING_BYTES
        self.cut: dict[str, int] = {}

    def text(self, value: str, limit: int, field: str) -> str:
        """The text repaired, scrubbed, and then at most `limit` characters long."""
        if len(value) > limit:
            self.note(field, len(value))
            value = value[: limit + MARGIN]
        if value:
            for check in self.checks:
                value = check(value)
        return value if len(value) <= limit else value[:limit]

    def lines(self, lines: list[str], limit: int, field: str) -> list[str]:
        """Each of the texts, cleaned."""
        if self.is_plain and max(map(len, lines), default=0) <= limit:
            return lines
        return [self.text(line, limit, field) for line in lines]

    def free_form(self, values: dict[str, Any], field: str, limit: int = _FREE_TEXT) -> dict[str, Any]:
        """A client's own object, cleaned and bounded in all."""
        cleaned = values if self._stays(values, limit, 1) else self._object(values, limit, field, 1)
        return cleaned if self.is_small else self._fitting(cleaned, field)

    def _stays(self, values: Any, limit: int, depth: int) -> bool:
        """Whether a list or an object is clean as it came: most are, and need not be made anew."""
        if not self.is_plain or depth > MAX_DEPTH or len(values) > _FREE_ENTRIES:
            return False
        if type(values) is dict:
            if not (self.innocent.issuperset(values) or self._are_innocent(values)):
                return False
            values = values.values()
        elif self._is_secret_pair(values):
            return False
        for value in values:
            kind = type(value)
            if kind is str:
                if len(value) > limit:
                    return False
            elif kind is dict or kind is list:
                if not self._stays(value, limit, depth + 1):
                    return False
            elif value is not self.tree(value, limit, ""):
                return False
        return True

    def _are_innocent(self, keys: Iterable[str]) -> bool:
        for key in set(keys).difference(self.innocent):
            if len(key) > MAX_KEY or self.is_secret(key):
                return False
            if len(key) <= _MAX_INNOCENT:
                if len(self.innocent) >= _INNOCENT:
                    self.innocent.clear()
                self.innocent.add(key)
        return True

    def _is_secret_pair(self, values: list[Any]) -> bool:
        """Headers and cookies also come as pairs."""
        return len(values) == 2 and type(values[0]) is str and self.is_secret(values[0])

    def tree(self, value: Any, limit: int, field: str, depth: int = 1) -> Any:
        """Any JSON value, cleaned: no text longer than `limit`, only numbers that jsonb stores and prints."""
        kind = type(value)
        if kind is str:
            return self.text(value, limit, field)
        if kind is int:
            return _integer(value)
        if kind is float:
            return _float(value)
        if kind is dict or kind is list:
            if depth > MAX_DEPTH:
                self.note(field, len(value))
                return None
            clean = self._object if kind is dict else self._list
            return clean(value, limit, field, depth)
        return value

    def _object(self, values: dict[str, Any], limit: int, field: str, depth: int) -> dict[str, Any]:
        if len(values) > _FREE_ENTRIES:
            self.note(field, len(values))
            values = dict(list(values.items())[:_FREE_ENTRIES])
        cleaned: dict[str, Any] = {}
        plain, is_secret = self.is_plain, self.is_secret
        for key, value in values.items():
            name = key if plain and len(key) <= MAX_KEY else self.text(key, MAX_KEY, f"{field}.*")
            if is_secret(key):
                cleaned[name] = None if value is None else FILTERED
            elif plain and type(value) is str and len(value) <= limit:
                cleaned[name] = value
            else:
                cleaned[name] = self.tree(value, limit, f"{field}.{name}", depth + 1)
        return cleaned

    def _list(self, values: list[Any], limit: int, field: str, depth: int) -> list[Any]:
        if len(values) > _FREE_ENTRIES:
            self.note(field, len(values))
            values = values[:_FREE_ENTRIES]
        if self._is_secret_pair(values):
            values = [values[0], FILTERED]
        return [self.tree(value, limit, f"{field}[]", depth + 1) for value in values]

    def _fitting(self, values: dict[str, Any], field: str) -> dict[str, Any]:
        if len(_encode(values)) <= MAX_FREE_FORM_BYTES:
            return values
        kept: dict[str, Any] = {}
        room = MAX_FREE_FORM_BYTES
        for name, value in values.items():
            size = len(_encode({name: value}))
            if size <= room:
                kept[name] = value
                room -= size
            else:
                self.note(f"{field}.{name}", size)
        return kept

    def first(self, values: list[T], limit: int, field: str) -> list[T]:
        """The first `limit` entries."""
        if len(values) > limit:
            self.note(field, len(values))
        return values[:limit]

    def last(self, values: list[T], limit: int, field: str) -> list[T]:
        """The last `limit` entries."""
        if len(values) > limit:
            self.note(field, len(values))
        return values[-limit:]

    def ends(self, values: list[T], limit: int, field: str) -> list[T]:
        """The first and the last half of `limit` entries: where a chain begins and where it broke."""
        if len(values) <= limit:
            return values
        self.note(field, len(values))
        return [*values[: limit // 2], *values[-(limit - limit // 2) :]]

    def note(self, field: str, length: int) -> None:
        """Remembers that the field was cut, and how long it was; beyond a bound, only how many more were."""
        field = field[:MAX_KEY]
        if field in self.cut or len(self.cut) < MAX_ENTRIES["truncated"]:
            self.cut[field] = max(length, self.cut.get(field, 0))
        else:
            self.cut["*"] = self.cut.get("*", 0) + 1


def _integer(value: int) -> int | str:
    if value < _SMALLEST_CARD and value >= -_INT64:
        return value
    if is_card(str(value)):
        return FILTERED
    return value if -_INT64 <= value < _INT64 else str(value)


def _float(value: float) -> float | str:
    size = abs(value)
    if value == 0 or _SMALLEST_FLOAT < size < _SMALLEST_CARD:
        return value
    if value.is_integer() and is_card(str(int(value))):
        return FILTERED
    return value if _SMALLEST_FLOAT < size < _LARGEST_FLOAT else repr(value)
