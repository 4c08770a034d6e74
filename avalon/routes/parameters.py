"""Query parameters that several routes read: texts that may be empty, times, levels."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from litestar import Request

from avalon.errors import BadInput
from avalon.events import LEVELS

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2101, 1, 1, tzinfo=UTC)
MAX_TEXT: Final = 500
# A + that was not escaped arrives as a blank: 2026-01-31T14:00:00 02:00
_BLANK_OFFSET: Final = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)$")


def read_text(text: str | None, field: str) -> str | None:
    """What was asked for; an empty parameter is one that was not given. Raises BadInput."""
    if not text:
        return None
    if len(text) > MAX_TEXT or "\0" in text:
        raise BadInput(f"at most {MAX_TEXT} characters, and no NUL", field=field)
    return text


def refuse_strays(request: Request[Any, Any, Any], instead: str) -> None:
    """Raises BadInput for a query parameter that the address does not take: it was to narrow the answer."""
    known = request.route_handler.parsed_fn_signature.parameters
    for name in request.query_params:
        if name not in known:
            raise BadInput(f"no such parameter; {instead}", field=name[:MAX_TEXT])


def read_level(text: str | None, field: str = "level") -> str | None:
    """One of our levels; raises BadInput for any other word."""
    if not text:
        return None
    level = "warning" if text == "warn" else text
    if level not in LEVELS:
        raise BadInput(f"one of {', '.join(LEVELS)}", field=field)
    return level


def read_time(text: str | None, field: str) -> datetime | None:
    """An instant in ISO 8601, as UTC where it names no offset; raises BadInput.

    What lies beyond the years that the log can hold is taken as their end.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(_BLANK_OFFSET.sub(r"\1+\2", text.strip()[:40]))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return min(max(at, EARLIEST), LATEST).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput("a time like 2026-01-31T14:00:00Z", field=field) from None
