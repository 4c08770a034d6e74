"""What every protocol makes of a report, whatever it came in: the canonical report and the log's columns.

A protocol translates; `submit` does the rest in one place: bounds, scrubbing and the group's key.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.events import LEVELS, REPORTED, NewEvent, uuid7
from avalon.grouping import RuleSet, group_id, group_report
from avalon.reports import MAX_TEXT, Privacy, Report, clean_report, cleaner_for, encode_report

NO_MESSAGE: Final = "(no message)"
# All reports of one such id would be one report.
_USELESS_IDS: Final = frozenset((UUID(int=0), UUID(int=2**128 - 1)))
_LEVELS: Final = {level: level for level in LEVELS} | {"warn": "warning"}
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


class Terms(msgspec.Struct, frozen=True):
    """What the key and its service say of the reports that come in: how to group them, what not to store."""

    rules: RuleSet | None = None
    privacy: Privacy | None = None


NO_TERMS: Final = Terms()


class Submission(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One report ready for the log. `id` and `occurred_at` are None where the client gave none."""

    report: Report
    level: str = "error"
    id: UUID | None = None
    environment: str | None = None
    release: str | None = None
    occurred_at: datetime | None = None


def submit(
    report: Report,
    source: bytes | None,
    *,
    level: str,
    id: UUID | None = None,
    environment: str = "",
    release: str = "",
    occurred_at: datetime | None = None,
    terms: Terms = NO_TERMS,
) -> Submission:
    """The submission for a translated report; `source`: the JSON that all its strings were decoded from."""
    cleaner = cleaner_for(source, terms.privacy)
    environment = cleaner.text(environment, MAX_TEXT["environment"], "environment")
    release = cleaner.text(release, MAX_TEXT["release"], "release")
    cleaned = clean_report(report, cleaner)
    return Submission(
        report=msgspec.structs.replace(cleaned, grouping=group_report(cleaned, terms.rules)),
        level=level,
        id=id,
        environment=environment or None,
        release=release or None,
        occurred_at=occurred_at,
    )


def clean_text(text: str, limit: int, terms: Terms, *, field: str = "") -> str:
    """A text that is stored beside reports, cleaned as theirs are. A key may scrub `field`."""
    return cleaner_for(None, terms.privacy).text(text, limit, field)


def to_event(submission: Submission, service: str, actor: str) -> NewEvent:
    """The row to append for a submission that came in for a service."""
    report = submission.report
    grouping = report.grouping
    assert grouping is not None, "every submission is grouped"
    return NewEvent(
        id=submission.id or uuid7(),
        type=REPORTED,
        stream=group_id(service, grouping.version, grouping.key_parts),
        service=service,
        level=submission.level,
        environment=submission.environment,
        release=submission.release,
        occurred_at=submission.occurred_at,
        actor=actor,
        data=msgspec.Raw(encode_report(report)),
    )


def read_level(text: str) -> str | None:
    """The level that a client's word means, or None where it means none of ours."""
    return _LEVELS.get(text) or _LEVELS.get(text.strip().lower())


def read_id(text: str) -> UUID | None:
    """The UUID that a client's text is, dashed or not; None for no UUID, and for nil and max."""
    try:
        id = msgspec.convert(text.strip(), UUID)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return None
    return None if id in _USELESS_IDS else id


def read_time(value: Any) -> datetime | None:
    """An instant from 2000 to 2100, or None for anything else.

    Read are ISO 8601 text (as UTC where it names no offset) and seconds, milliseconds, microseconds or
    nanoseconds since 1970.
    """
    try:
        time = _parse_time(value)
        return time.astimezone(UTC) if EARLIEST <= time < LATEST else None
    except (ValueError, OverflowError):
        return None


def _parse_time(value: Any) -> datetime:
    if type(value) is str and len(value) <= 40:
        try:
            time = datetime.fromisoformat(value.strip().upper())
        except ValueError:
            value = float(value)
        else:
            return time if time.tzinfo else time.replace(tzinfo=UTC)
    if type(value) is not int and type(value) is not float:
        raise ValueError("not a time")
    return datetime.fromtimestamp(_in_seconds(value), UTC)


def _in_seconds(number: float) -> float:
    """Which unit was meant: each is out of range for the next smaller one until the year 5138."""
    for limit, per_second in ((1e11, 1), (1e14, 1e3), (1e17, 1e6)):
        if abs(number) < limit:
            return number / per_second
    return number / 1e9


def free_name(taken: dict[str, Any], name: str) -> str:
    """The name, or with a number behind it where something else has it."""
    count = 2
    free = name
    while free in taken:
        free = f"{name}_{count}"
        count += 1
    return free
