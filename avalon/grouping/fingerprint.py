"""The key of a report's group.

Version 1: the client's own fingerprint, or else the type and the masked message of the exception that
decides, and its place without line numbers. Reports with a stack as text are read like those with frames. The
version is part of the group's id, so groups of other versions never mix with these: they stay where they are,
and `avalon.regrouping` brings theirs and these together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from avalon.grouping.deciding import decide
from avalon.grouping.masks import mask
from avalon.grouping.rules import RuleSet
from avalon.grouping.stacks import parse_stack
from avalon.grouping.templates import telling_line, template
from avalon.reports import ExceptionInfo, Grouping, Report

VERSION: Final = 1
# Sentry's placeholder for "and what you would have taken"; the blanks are optional there too.
_DEFAULT: Final = ("{{ default }}", "{{default}}")

# What is kept of the past: hashes, and stacks of at most so many characters, some megabytes in all.
_KEPT_HASHES: Final = 4_096
_KEPT_STACKS: Final = 256
_SHORT_STACK: Final = 4_096
# As much of what an exception says as of a title.
_SAID: Final = 300

_encode = msgspec.json.Encoder().encode


class _Parts(NamedTuple):
    """What a report says: of the key, of the neighbourhood, and for people."""

    type: str
    message: str
    key: list[str]
    places: list[str]
    culprit: str
    said: str = ""


def group_report(report: Report, rules: RuleSet | None = None) -> Grouping:
    """Why the report is in its group. The report must be bounded and scrubbed: key parts are stored."""
    taken: set[str] = set()
    parts = _parts(report, rules, taken)
    default = [parts.type, parts.message, *parts.key]
    return Grouping(
        version=VERSION,
        rules=sorted(taken),
        key_parts=_with_default(report.fingerprint, default) if report.fingerprint else default,
        type=parts.type,
        value="" if parts.said in report.message else parts.said[:_SAID],
        culprit=parts.culprit or report.transaction or report.path,
        hashes=[_short_hash(part) for part in (parts.type, parts.message, *parts.places)],
    )


def _parts(report: Report, rules: RuleSet | None, taken: set[str]) -> _Parts:
    def vary(masked: str) -> str:
        return rules.vary(masked, taken) if rules else masked

    exceptions: Sequence[ExceptionInfo] = report.exceptions
    if report.stack and not any([one.frames for one in exceptions]):
        exceptions = _from_text(report) or exceptions
    if not exceptions:
        return _Parts("", vary(mask(report.message_template or report.message)), [], [], "")
    decision = decide(exceptions, rules.ignoring(taken) if rules else None)
    value, frame = decision.exception.value, decision.frame
    said = value
    type = _own_name(decision.exception.type)
    if frame is None:
        value = value or report.message
        return _Parts(type, vary(mask(value)), [], [], "", said)
    line = telling_line(value, type, frame.context_line)
    key = [*decision.key, line] if line else decision.key
    return _Parts(type, vary(template(value, type)), key, decision.places, decision.culprit, said)


def _from_text(report: Report) -> list[ExceptionInfo]:
    """The stack's exceptions, the outermost one with what the client says of it and the text does not.

    Where the text says nothing of a cause but its frames, it goes by the same name.
    """
    stack = report.stack
    parsed = _parse_short_stack(stack) if len(stack) <= _SHORT_STACK else parse_stack(stack)
    if not parsed or not any([one.frames for one in parsed]):
        return []
    first, *causes = parsed
    type, value = report.type or first.type, first.value or report.message
    named = [one if one.type or one.value else _name(one, type, value) for one in causes]
    return [_name(first, type, value), *named]


def _name(exception: ExceptionInfo, type: str, value: str) -> ExceptionInfo:
    if (type, value) == (exception.type, exception.value):
        return exception
    return msgspec.structs.replace(exception, type=type, value=value)


# Most reports are repeats, and these have the same stack.
@lru_cache(_KEPT_STACKS)
def _parse_short_stack(stack: str) -> list[ExceptionInfo]:
    return parse_stack(stack)


def _own_name(type: str) -> str:
    """The type's own name: whether a client writes the package before it is up to the client."""
    return type if " " in type else type.rpartition("\\" if "\\" in type else ".")[2]


def _with_default(fingerprint: list[str], default: list[str]) -> list[str]:
    parts: list[str] = []
    for part in fingerprint:
        parts += default if part in _DEFAULT else [part]
    return parts


# Types and places come again and again.
@lru_cache(_KEPT_HASHES)
def _short_hash(part: str) -> str:
    return blake2b(part.encode(), digest_size=8).hexdigest() if part else ""


def group_id(service: str, version: int, key_parts: Sequence[str]) -> UUID:
    """The group's id: a UUIDv8 (RFC 9562 §5.8) from SHA-256; equal inputs give equal ids for ever."""
    digest = sha256(_encode((service, version, key_parts))).digest()
    value = int.from_bytes(digest[:16], "big")
    return UUID(int=value & ~(0xF000 << 64 | 0xC000 << 48) | 0x8000 << 64 | 0x8000 << 48)
