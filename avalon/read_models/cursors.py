"""The cursors of lists: opaque to clients, and read with suspicion when they come back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from avalon.errors import BadInput

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# 2200 in microseconds, and Postgres's largest bigint.
_MAX_INSTANT: Final = 7_258_118_400_000_000
_MAX_POSITION: Final = 2**63 - 1


class Place(msgspec.Struct, frozen=True):
    """Where a page of reports ended: its last item."""

    occurred_at: datetime
    position: int


class Mark(msgspec.Struct, frozen=True):
    """Where a page of a sorted list ended: what its last item was sorted by, its id, and when the list began.

    All pages take "an hour ago" from the instant at which the first one was asked for.
    """

    now: datetime
    value: datetime | int
    id: UUID


def encode(place: Place) -> str:
    """The cursor of a place."""
    return _encode(f"{_microseconds(place.occurred_at)}.{place.position}")


def decode(cursor: str) -> Place:
    """The place of a cursor; raises BadInput for one that was not made here."""
    try:
        instant, position = (int(part) for part in _decode(cursor).split(".") if part.isdigit())
        if position > _MAX_POSITION:
            raise ValueError
        return Place(_instant(instant), position)
    except ValueError:
        raise _not_ours() from None


def encode_mark(sort: str, mark: Mark) -> str:
    """The cursor of a mark in a list that is sorted so."""
    value = _microseconds(mark.value) if isinstance(mark.value, datetime) else mark.value
    return _encode(f"{sort}.{_microseconds(mark.now)}.{value}.{mark.id.hex}")


def decode_mark(cursor: str, sort: str) -> Mark:
    """The mark of a cursor; raises BadInput for one that was not made for a list that is sorted so."""
    try:
        of, now, value, id_ = _decode(cursor).split(".")
        if of != sort or len(value) > len(str(_MAX_POSITION)) or abs(int(value)) > _MAX_POSITION:
            raise ValueError
        at = _instant(int(value)) if sort.endswith("_seen") else int(value)
        return Mark(_instant(int(now)), at, UUID(id_))
    except ValueError:
        raise _not_ours() from None


def _not_ours() -> BadInput:
    return BadInput("not a cursor of this list", field="cursor")


def _encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    return urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(microseconds: int) -> datetime:
    if not 0 <= microseconds <= _MAX_INSTANT:
        raise ValueError
    return _EPOCH + microseconds * _MICROSECOND
