"""Which exception of a chain, and which of its frames, tell one mistake from another.

The exception is the one that was raised first. But where a handler failed at something else (Python and Ruby
chain this too), the first one had been dealt with: the later one decides. The frames are the innermost of the
application's own; tests and helpers that only report a caller's mistake are passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeVar

from avalon.grouping.frames import Place, place_of
from avalon.reports import ExceptionInfo, Frame

# Looked at from the innermost frame on; the rest is how the program came there.
_LOOKED_AT: Final = 128
_HASHED: Final = 3
_GROUPS: Final = (
    *("ExceptionGroup", "BaseExceptionGroup", "MultiError", "AggregateException", "AggregateError"),
    "CompositeException",
)
_OVERFLOWS: Final = ("StackOverflow", "RecursionError", "SystemStackError", "InternalError")
_OVERFLOWING: Final = ("Maximum call stack", "too much recursion", "stack overflow")
# These blame whoever called; what threw them is only where it was noticed.
_BLAMING: Final = ("IllegalArgument", "InvalidArgument", "Argument")
_IMPLICIT_CHAINS: Final = (".py", ".pyx", ".rb")


class Decision(NamedTuple):
    """What a chain says: the exception that decides, its places for the key, and those near the innermost."""

    exception: ExceptionInfo
    frame: Frame | None  # the one that decides; None without any that is known
    key: list[str]
    places: list[str]
    culprit: str


T = TypeVar("T")
_Placed = tuple[Place, Frame]


def decide(
    exceptions: Sequence[ExceptionInfo],
    strip: Callable[[Sequence[Frame]], Sequence[Frame]] | None = None,
) -> Decision:
    """The decision for a chain of at least one exception, outermost first.

    `strip` takes frames away that must not decide. Which exception does is seen by all of them.
    """

    @cache
    def looked_at(index: int) -> Sequence[Frame]:
        frames = exceptions[index].frames[-_LOOKED_AT:]
        return strip(frames) if strip is not None else frames

    at = _deciding_index(exceptions)
    exception = exceptions[at]
    # A cause's frames may be a library's only, its rest stands in what encloses it.
    for index in range(at, -1, -1):
        own = _own_places(looked_at(index), _LOOKED_AT if _overflows(exception) else _HASHED)
        if own:
            return _by_own(exception, looked_at(index), own)
    indexes = [at, *range(len(exceptions))]
    return _by_library(exception, next((frames for index in indexes if (frames := looked_at(index))), []))


def deciding_exception(exceptions: Sequence[ExceptionInfo]) -> ExceptionInfo:
    """The one whose type a report goes by, of a chain of at least one, outermost first."""
    return exceptions[_deciding_index(exceptions)]


def _deciding_index(exceptions: Sequence[ExceptionInfo]) -> int:
    """From the outermost inwards as long as each was raised because of the next.

    A group's members are not each other's causes: its first one, or what that was raised for, stands last.
    """
    for index in range(len(exceptions) - 1):
        if exceptions[index].type in _GROUPS:
            break
        if not _wraps(exceptions[index], exceptions[index + 1]):
            return index
    return len(exceptions) - 1


def _wraps(outer: ExceptionInfo, inner: ExceptionInfo) -> bool:
    """Whether the outer one only passes the inner one on: it was raised by the function that caught it."""
    if not outer.frames or not inner.frames:
        return True
    raised = outer.frames[-1]
    if not (raised.filename or raised.abs_path).endswith(_IMPLICIT_CHAINS):
        return True
    caught_by = (raised.function, raised.filename)
    return any((frame.function, frame.filename) == caught_by for frame in inner.frames)


def _own_places(frames: Sequence[Frame], enough: int) -> list[_Placed]:
    """The application's places, innermost first, until enough of them can decide; recursion counts once."""
    own: list[_Placed] = []
    deciding: set[str] = set()
    for frame in reversed(frames):
        place = place_of(frame)
        if place.key and (not place.is_library if frame.in_app is None else frame.in_app):
            own.append((place, frame))
            if place.decides:
                deciding.add(place.key)
                if len(deciding) >= enough:
                    break
    return own


def _by_own(exception: ExceptionInfo, frames: Sequence[Frame], own: list[_Placed]) -> Decision:
    deciding = [placed for placed in own if placed[0].decides]
    if not deciding:
        return _by_test(exception, own)
    if _overflows(exception):
        return _by_recursion(exception, deciding)
    first, frame = deciding[0]
    places = list(dict.fromkeys([place.key for place, _ in deciding]))[:_HASHED]
    # A place without a name says little: the first one that has a name stands beside it.
    named = next((place.key for place, _ in deciding if place.is_named), first.key)
    key = [first.key] if named == first.key else [first.key, named]
    if exception.type.startswith(_BLAMING) and frame is frames[-1]:
        key = places[:2]
    return Decision(exception, frame, key, places, named)


def _overflows(exception: ExceptionInfo) -> bool:
    return exception.type.startswith(_OVERFLOWS) or any([said in exception.value for said in _OVERFLOWING])


def _by_recursion(exception: ExceptionInfo, deciding: list[_Placed]) -> Decision:
    """Where a stack overflows is chance, the circle is not: of its places the first by name, and its length.

    Its length is the number of its calls, which stays when their lines move.
    """
    places = _commonest([place.key for place, _ in deciding])
    calls = _commonest([(place.key, frame.lineno or 0) for place, frame in deciding])
    key = min(places)
    frame = next(frame for place, frame in deciding if place.key == key)
    return Decision(exception, frame, [key, f"{len(calls)} calls"], sorted(places)[:_HASHED], key)


def _commonest(entries: list[T]) -> list[T]:
    """Those that recur about as often as any."""
    counts = Counter(entries)
    most = max(counts.values())
    return [entry for entry, count in counts.items() if 2 * count >= most]


def _by_test(exception: ExceptionInfo, own: list[_Placed]) -> Decision:
    """Tests or helpers only: what a test asserts is its own, other mistakes only show in it."""
    place, frame = next((placed for placed in own if not placed[0].is_test), own[0])
    asserts = "Assert" in exception.type or "Comparison" in exception.type
    only_shows = place.is_test and exception.type and exception.value and not asserts
    key = place.module or place.key if only_shows else place.key
    return Decision(exception, frame, [key], [place.key], place.key)


def _by_library(exception: ExceptionInfo, frames: Sequence[Frame]) -> Decision:
    """A framework's own failure: the innermost place that has a name."""
    known = [(place, frame) for frame in reversed(frames) if (place := place_of(frame)).key]
    if not known:
        return Decision(exception, None, [], [], "")
    named = [placed for placed in known if placed[0].is_named and not placed[0].is_helper]
    place, frame = (named or known)[0]
    return Decision(exception, frame, [place.key], [place.key], place.key)
