"""Many things in parts: a fact names at most 500 groups, and a transaction works on as many issues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

Item = TypeVar("Item")

CHUNK: Final = 500


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """The items in their order, so many at a time; the last part may be shorter."""
    for begin in range(0, len(items), size):
        yield list(items[begin : begin + size])
