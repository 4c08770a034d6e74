"""What the fields of an API key may say. Each check gives the value to store, or raises BadInput."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from avalon.errors import BadInput
from avalon.reports import MAX_FIELD_NAME

MAX_NAME: Final = 100
MAX_SERVICE: Final = 100
MAX_RATE: Final = 1_000_000
MAX_ORIGINS: Final = 100
MAX_SCRUB_FIELDS: Final = 50
# What a key may do: send reports, or upload source maps.
SCOPES: Final = ("report", "source_maps")
LAST_EXPIRY: Final = datetime(2100, 1, 1, tzinfo=UTC)

_SERVICE: Final = re.compile(r"(?:[^\W_]|[._\-:/ ])+")
_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_DEFAULT_PORT: Final = {"http": ":80", "https": ":443"}


def check_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput(f"must be 1 to {MAX_NAME} printable characters", field="name")
    return name


def check_service(service: str) -> str:
    service = service.strip(" ")
    if not 1 <= len(service) <= MAX_SERVICE or not _SERVICE.fullmatch(service):
        raise BadInput(f"must be 1 to {MAX_SERVICE} of letters, digits, . _ - : / and space", field="service")
    return service


def check_rate(rate_per_minute: int | None) -> int | None:
    if rate_per_minute is not None and not 1 <= rate_per_minute <= MAX_RATE:
        raise BadInput(f"must be from 1 to {MAX_RATE}, or null for none", field="rate_per_minute")
    return rate_per_minute


def check_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        raise BadInput("must say its time zone, such as 2030-01-31T12:00:00Z", field="expires_at")
    if not now < expires_at <= LAST_EXPIRY:
        raise BadInput("must be in the future and before 2100, or null for never", field="expires_at")
    return expires_at.astimezone(UTC)


def check_origins(origins: list[str]) -> list[str]:
    """As browsers write them in `Origin` (RFC 6454 §6.2): lower case, without the scheme's own port."""
    if len(origins) > MAX_ORIGINS:
        raise BadInput(f"must be at most {MAX_ORIGINS}", field="allowed_origins")
    return list(dict.fromkeys(_check_origin(origin) for origin in origins))


def _check_origin(origin: str) -> str:
    origin = origin.strip().lower().removesuffix("/")
    match = _ORIGIN.fullmatch(origin)
    if not match or len(origin) > 300 or int((match[2] or ":1")[1:]) not in range(1, 65536):
        raise BadInput(
            "must be origins such as https://shop.example.org, without a path", field="allowed_origins"
        )
    return origin.removesuffix(_DEFAULT_PORT[origin.partition(":")[0]])


def check_scope(scope: str) -> str:
    if scope not in SCOPES:
        raise BadInput(f"must be one of {', '.join(SCOPES)}", field="scope")
    return scope


def check_scrub_fields(fields: list[str]) -> list[str]:
    """Names of fields, each once in its case."""
    fields = list(dict.fromkeys(field.strip() for field in fields))
    if len(fields) > MAX_SCRUB_FIELDS:
        raise BadInput(f"must be at most {MAX_SCRUB_FIELDS}", field="scrub_fields")
    if not all(1 <= len(field) <= MAX_FIELD_NAME and field.isprintable() for field in fields):
        raise BadInput(f"must be names of 1 to {MAX_FIELD_NAME} printable characters", field="scrub_fields")
    return fields
