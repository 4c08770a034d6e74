"""The key of a report's group.

Version 0: the client's own fingerprint, or else the exception's type and the masked message. The version is
part of the group's id, so groups of other rules never mix with these.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from avalon.grouping.masks import mask
from avalon.reports import Grouping, Report

VERSION: Final = 0
# Sentry's placeholder for "and what you would have taken"; the blanks are optional there too.
_DEFAULT: Final = ("{{ default }}", "{{default}}")

_encode = msgspec.json.Encoder().encode


def group_report(report: Report) -> Grouping:
    """Why the report is in its group. The report must be bounded and scrubbed: key parts are stored."""
    return Grouping(version=VERSION, key_parts=_key_parts(report))


def _key_parts(report: Report) -> list[str]:
    default = [report.type, mask(report.message_template or report.message)]
    if not report.fingerprint:
        return default
    parts: list[str] = []
    for part in report.fingerprint:
        parts += default if part in _DEFAULT else [part]
    return parts


def group_id(service: str, version: int, key_parts: Sequence[str]) -> UUID:
    """The group's id: a UUIDv8 (RFC 9562 §5.8) from SHA-256; equal inputs give equal ids for ever."""
    digest = sha256(_encode((service, version, key_parts))).digest()
    value = int.from_bytes(digest[:16], "big")
    return UUID(int=value & ~(0xF000 << 64 | 0xC000 << 48) | 0x8000 << 64 | 0x8000 << 48)
