"""Which release made a database's schema, and which releases can work with it: `runtime.release`.

`serve`, readiness and every command look here before they work. A release that can't work with what it finds
says which can.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

import avalon
from avalon.database import as_query
from avalon.errors import SchemaError

# The oldest release that can work with the schema as this one leaves it.
OLDEST_WORKING: Final = "0.2.0"
NONE: Final = (0,)  # where no release is recorded yet

_RECORD = """
CREATE SCHEMA IF NOT EXISTS runtime;
CREATE TABLE IF NOT EXISTS runtime.migration (
  name text PRIMARY KEY,
  sha256 text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS runtime.release (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  version text NOT NULL,
  oldest_working text NOT NULL,
  routines_sha256 text NOT NULL
);
"""

Connection = psycopg.AsyncConnection[Any]


async def check_schema(connection: Connection) -> None:
    """Raises SchemaError unless this release can work with the schema, and says which release made it."""
    if not await exists(connection):
        raise SchemaError("the database holds no schema of Avalon: run `avalon migrate`")
    version, oldest = await recorded(connection)
    if as_tuple(version) < as_tuple(avalon.__version__):
        raise SchemaError(
            f"the schema is of release {version}, this is {avalon.__version__}: run `avalon migrate`"
        )
    if as_tuple(avalon.__version__) < as_tuple(oldest):
        raise SchemaError(
            f"the schema of release {version} works with {oldest} and newer; this is {avalon.__version__}"
        )


async def prepare(connection: Connection) -> None:
    """Makes the tables of releases and migrations where there are none."""
    await connection.execute(as_query(_RECORD))


async def record(connection: Connection, routines_sha256: str) -> None:
    """Last of all, so that whatever was cut short is done again by the next migrate."""
    await connection.execute(
        """
        INSERT INTO runtime.release (version, oldest_working, routines_sha256) VALUES (%s, %s, %s)
        ON CONFLICT (is_only) DO UPDATE
        SET (version, oldest_working, routines_sha256)
          = (excluded.version, excluded.oldest_working, excluded.routines_sha256)
        """,
        [avalon.__version__, OLDEST_WORKING, routines_sha256],
    )


async def is_newer(connection: Connection) -> bool:
    if not await exists(connection):
        return False
    version, _ = await recorded(connection)
    return as_tuple(version) > as_tuple(avalon.__version__)


async def exists(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT to_regclass('runtime.release') IS NOT NULL")
    row = await cursor.fetchone()
    return bool(row and row[0])


async def recorded(connection: Connection) -> tuple[str, str]:
    cursor = await connection.execute("SELECT version, oldest_working FROM runtime.release")
    return await cursor.fetchone() or ("0", "0")


def as_tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
