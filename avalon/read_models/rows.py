"""How rows of Postgres become the structs that answers are made of.

Times leave the service as RFC 3339 text in UTC with milliseconds, as the contract says; a struct's field that
holds one is a `Time`. Encoding a datetime directly would say microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, LiteralString, TypeVar

import msgspec

from avalon.database import Database

Struct = TypeVar("Struct", bound=msgspec.Struct)

Time = Annotated[
    str,
    msgspec.Meta(description="RFC 3339, UTC, milliseconds", extra_json_schema={"format": "date-time"}),
]


def as_time(at: datetime) -> Time:
    """An instant as the contract writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_struct(row: Mapping[str, Any], struct: type[Struct]) -> Struct:
    """A row as the struct whose fields its columns name; other columns are left out."""
    values = {name: as_time(value) if type(value) is datetime else value for name, value in row.items()}
    return msgspec.convert(values, struct)


async def fetch(
    database: Database, query: LiteralString, params: dict[str, Any], struct: type[Struct]
) -> list[Struct]:
    """All rows of a statement as structs."""
    return [as_struct(row, struct) for row in await database.fetch_dicts(query, params)]
