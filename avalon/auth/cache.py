"""What a replica remembers of Postgres, until a fact in the log says that it changed.

An entry counts only while the feed is fresh: a read of it has finished within the last second. And what a
query that began before an invalidation brings back is not kept, because it may be the old state: every
`drop` raises a generation, and `put` compares it with the one of its `begin`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """A bounded dictionary that forgets in time; past its bound the oldest entry goes."""

    def __init__(self, is_fresh: Callable[[], bool], limit: int) -> None:
        self._is_fresh = is_fresh
        self._limit = limit
        self._entries: dict[Key, Value] = {}
        self._generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The entry, where it can be trusted."""
        entry = self._entries.get(key)
        return entry if entry is not None and self._is_fresh() else None

    def begin(self) -> int | None:
        """To be called before the query whose answer `put` gets; None: nothing may be kept now."""
        return self._generation if self._is_fresh() else None

    def put(self, begun: int | None, key: Key, value: Value) -> None:
        """Keeps an answer, unless something was dropped since its query began."""
        if begun is None or begun != self._generation:
            return
        if len(self._entries) >= self._limit and key not in self._entries:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = value

    def drop(self, is_stale: Callable[[Value], bool]) -> None:
        """Forgets the entries that a fact has made stale."""
        self._generation += 1
        for key in [key for key, value in self._entries.items() if is_stale(value)]:
            del self._entries[key]

    def clear(self) -> None:
        """Forgets everything."""
        self._generation += 1
        self._entries.clear()
