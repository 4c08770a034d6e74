"""Schema reporting: the views for people who write SQL, and the login that reads them and nothing else.

The views are API. CREATE OR REPLACE can only add columns behind those that there are, so an ordinary release
breaks no dashboard, and needs no lock on what is being read for longer than a moment. A release that changes
columns drops the view and makes it anew; where somebody's own view stands on it, it says so and stops.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from avalon.database import as_query
from avalon.errors import SchemaError
from avalon.statements import SQL, load
from avalon.telemetry import Action, log

statements = load("reporting")

ROLE: Final = "avalon_reporting"

Connection = psycopg.AsyncConnection[Any]


def views() -> list[Path]:
    """The files of the views, each named as its view. They don't build on each other."""
    return sorted((SQL / "reporting").glob("*.sql"))


async def replace_views(connection: Connection) -> None:
    """Makes the views this release's. Raises SchemaError where somebody's own view is in the way.

    Each in a transaction of its own: a long query on one of them keeps nothing else locked.
    """
    for path in views():
        text = as_query(path.read_text())
        try:
            async with connection.transaction():
                await connection.execute(text)
        except psycopg.errors.InvalidTableDefinition:  # its columns are not the old ones and more behind them
            async with connection.transaction():
                await _drop(connection, path.stem)
                await connection.execute(text)


async def _drop(connection: Connection, view: str) -> None:
    try:
        await connection.execute(sql.SQL("DROP VIEW reporting.{}").format(sql.Identifier(view)))
    except psycopg.errors.DependentObjectsStillExist as error:
        raise SchemaError(
            f"reporting.{view} has other columns in this release, and something of yours is built on it"
            f" ({error.diag.message_detail}): drop that, and make it again after the migration"
        ) from error


async def grant(connection: Connection, progress: Callable[[str], None]) -> None:
    """Gives the login its rights in this database; says so where there is none and none may be made."""
    if not await _ensure_role(connection):
        script = SQL / "reporting_role.sql"
        progress(
            f"role {ROLE} is missing, and this login may not make it; schema reporting is the owner's alone"
            f" until an administrator has run {script} and `avalon migrate` runs again"
        )
        return
    async with connection.transaction():
        await connection.execute(as_query((SQL / "reporting_privileges.sql").read_text()))
    cursor = await connection.execute(statements.may_create)
    if await cursor.fetchone() == (True,):
        progress(
            f"role {ROLE} may make tables, because everybody may in this database, which is not this login's"
        )


async def _ensure_role(connection: Connection) -> bool:
    """Whether the role is there now."""
    cursor = await connection.execute(statements.has_role)
    if await cursor.fetchone() == (True,):
        return True
    try:
        async with connection.transaction():
            await connection.execute(as_query((SQL / "reporting_role.sql").read_text()))
    except psycopg.errors.InsufficientPrivilege:
        return False
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return True  # another database of the cluster is being migrated, too
    log(Action.ROLE_CREATED, role=ROLE)
    return True
