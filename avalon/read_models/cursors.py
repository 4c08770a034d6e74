"""The cursors of lists: opaque to clients, and read with suspicion when they come back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Final

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


def encode(place: Place) -> str:
    """The cursor of a place."""
    instant = (place.occurred_at - _EPOCH) // _MICROSECOND
    return urlsafe_b64encode(f"{instant}.{place.position}".encode()).decode().rstrip("=")


def decode(cursor: str) -> Place:
    """The place of a cursor; raises BadInput for one that was not made here."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        instant, position = (int(part) for part in text.split(".") if part.isdigit())
        if instant > _MAX_INSTANT or position > _MAX_POSITION:
            raise ValueError
    except ValueError:
        raise BadInput("not a cursor of this list", field="cursor") from None
    return Place(_EPOCH + instant * _MICROSECOND, position)
