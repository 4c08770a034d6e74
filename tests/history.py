"""Reports and facts for tests that read: appended now, or written as they would have come in long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from avalon import event_store
from avalon.database import Database
from avalon.event_store import Stored
from avalon.events import REPORTED, NewEvent, uuid7

KEY = UUID(int=9)


def a_report(group: int = 1, *, message: str = "boom", data: Any = None, **columns: Any) -> NewEvent:
    """A report of a group; `data` is added to its message."""
    values: dict[str, Any] = {
        "id": uuid7(),
        "type": REPORTED,
        "stream": UUID(int=group),
        "service": "api",
        "level": "error",
        "actor": f"key:{KEY}",
        "data": msgspec.Raw(msgspec.json.encode({"message": message} | (data or {}))),
    }
    return NewEvent(**values | columns)


async def report(database: Database, *events: NewEvent) -> list[Stored]:
    """Appends reports; one plain report where none is given."""
    return await event_store.append(database, events or [a_report()])


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


_PAST = """
INSERT INTO log.event (
  id, type, stream, service, level, environment, release, occurred_at, recorded_at, actor, data
)
SELECT
  gen_random_uuid(),
  'error.reported',
  lpad(to_hex(n %% 50), 32, '0')::uuid,
  'service' || n %% 10,
  CASE WHEN n %% 100 = 0 THEN 'fatal' WHEN n %% 10 = 0 THEN 'warning' ELSE 'error' END,
  CASE WHEN n %% 4 = 0 THEN 'staging' ELSE 'prod' END,
  '1.' || n %% 7,
  at,
  at,
  'key:00000000-0000-0000-0000-000000000009',
  jsonb_build_object('message', 'boom ' || n, 'stack', repeat('at somewhere in the code ', 20))
FROM (
  SELECT
    n,
    day + n * (least(interval '23 hours 59 minutes', now() - day) / %(reports)s) AS at
  FROM generate_series(0, %(reports)s - 1) AS n, (SELECT %(day)s::timestamptz AS day) AS one
) AS past
"""


async def write_past(owner: psycopg.AsyncConnection[Any], days: int, reports_a_day: int) -> None:
    """History as it would stand in the log after so many days.

    Today has as many as the others, at any hour: shortly after midnight they came fast.
    """
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(days, -1, -1):
        day = midnight - timedelta(days=back)
        await owner.execute("SELECT log.create_day(%s::date)", [day])
        await owner.execute(_PAST, {"day": day, "reports": reports_a_day})
    await owner.execute("ANALYZE")
