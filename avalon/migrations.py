"""Brings a database to this release's schema: tables forward once, routines whenever they change.

`sql/migrations` are applied in order, each in a transaction, and never again; their checksums are kept, so
an edited one is refused. Routines, triggers, views and privileges are replaced by the newest release only: an
old replica that restarts in a rolling upgrade puts nothing back. Everything runs under one advisory lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

import avalon
from avalon import reporting
from avalon.database import as_query, connect
from avalon.errors import SchemaError
from avalon.statements import SQL
from avalon.telemetry import Action, log

# The oldest release that can work with the schema as this one leaves it.
OLDEST_WORKING = "0.2.0"
MIGRATE_LOCK = 4710

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
Progress = Callable[[str], None]


async def migrate(owner_url: str, service_url: str, *, progress: Progress = lambda _: None) -> None:
    """Makes the schema this release's. Raises SchemaError where it can't be."""
    connection = await connect(owner_url, lock_timeout="60s", statement_timeout="0")
    async with connection:
        await connection.execute("SELECT pg_advisory_lock(%s)", [MIGRATE_LOCK])
        await _refuse_unfit_server(connection)
        if await _is_current(connection):
            progress("schema is up to date")
        elif await _is_newer(connection):
            progress("schema is of a newer release; nothing to do")
            return
        else:
            await connection.execute(as_query(_RECORD))
            # Together: between new tables and the routines that know them every append would fail.
            async with connection.transaction():
                await _apply_migrations(connection, progress)
                await _replace_routines(connection, progress)
            await reporting.replace_views(connection)
            await _record_release(connection)
        await _grant(connection, service_url, progress)
        await reporting.grant(connection, progress)


async def check_schema(connection: Connection) -> None:
    """Raises SchemaError unless this release can work with the schema, and says which release made it."""
    if not await _exists(connection):
        raise SchemaError("the database holds no schema of Avalon: run `avalon migrate`")
    version, oldest = await _release(connection)
    if _as_tuple(version) < _as_tuple(avalon.__version__):
        raise SchemaError(
            f"the schema is of release {version}, this is {avalon.__version__}: run `avalon migrate`"
        )
    if _as_tuple(avalon.__version__) < _as_tuple(oldest):
        raise SchemaError(
            f"the schema of release {version} works with {oldest} and newer; this is {avalon.__version__}"
        )


async def _refuse_unfit_server(connection: Connection) -> None:
    if connection.info.server_version < 150000:
        raise SchemaError(
            f"Postgres 15 or newer is needed, this is {connection.info.server_version // 10000}"
        )
    cursor = await connection.execute("SELECT pg_is_in_recovery(), current_setting('server_encoding')")
    row = await cursor.fetchone()
    if row and row[0]:
        raise SchemaError("this server is a standby: give the primary's address")
    if row and row[1] != "UTF8":
        raise SchemaError(f"the database's encoding is {row[1]}, it must be UTF8")


async def _exists(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT to_regclass('runtime.release') IS NOT NULL")
    row = await cursor.fetchone()
    return bool(row and row[0])


async def _release(connection: Connection) -> tuple[str, str]:
    cursor = await connection.execute("SELECT version, oldest_working FROM runtime.release")
    return await cursor.fetchone() or ("0", "0")


async def _is_newer(connection: Connection) -> bool:
    if not await _exists(connection):
        return False
    version, _ = await _release(connection)
    return _as_tuple(version) > _as_tuple(avalon.__version__)


async def _is_current(connection: Connection) -> bool:
    if not await _exists(connection):
        return False
    cursor = await connection.execute("SELECT version, routines_sha256 FROM runtime.release")
    if await cursor.fetchone() != (avalon.__version__, _checksum(*_replaced())):
        return False
    cursor = await connection.execute("SELECT name, sha256 FROM runtime.migration")
    return dict(await cursor.fetchall()) == {path.stem: _checksum(path) for path in _migrations()}


async def _apply_migrations(connection: Connection, progress: Progress) -> None:
    cursor = await connection.execute("SELECT name, sha256 FROM runtime.migration")
    applied: dict[str, str] = dict(await cursor.fetchall())
    for path in _migrations():
        if path.stem in applied:
            if applied[path.stem] != _checksum(path):
                raise SchemaError(f"migration {path.stem} was edited after it had been applied")
            continue
        progress(f"migration {path.stem}")
        async with connection.transaction():
            await connection.execute(as_query(path.read_text()))
            await connection.execute(
                "INSERT INTO runtime.migration (name, sha256) VALUES (%s, %s)", [path.stem, _checksum(path)]
            )
        log(Action.MIGRATION_APPLIED, migration=path.stem)


async def _replace_routines(connection: Connection, progress: Progress) -> None:
    progress("routines, triggers, views and the baseline's tables")
    async with connection.transaction():
        # Routines call each other whatever their files are named.
        await connection.execute("SET LOCAL check_function_bodies = off")
        for path in _routines():
            await connection.execute(as_query(path.read_text()))
        await _make_baseline_tables(connection)
    log(Action.ROUTINES_REPLACED, release=avalon.__version__)


async def _make_baseline_tables(connection: Connection) -> None:
    """Schema baseline holds the same tables as schema projection, made from those.

    They are written and read whole: an index besides the primary key would only make both slow.
    """
    cursor = await connection.execute(
        """
        SELECT t.relname, pg_get_constraintdef(k.oid)
        FROM pg_class AS t
        JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'p'
        WHERE t.relnamespace = 'projection'::regnamespace
        ORDER BY t.relname
        """
    )
    for table, key in await cursor.fetchall():
        await connection.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS baseline.{0}"
                " (LIKE projection.{0} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS, {1})"
            ).format(sql.Identifier(table), sql.SQL(key))
        )
    # Releases before 0.2 made them with all.
    cursor = await connection.execute(
        """
        SELECT i.indexrelid::regclass::text
        FROM pg_index AS i
        JOIN pg_class AS t ON t.oid = i.indrelid
        WHERE t.relnamespace = 'baseline'::regnamespace AND NOT i.indisprimary
        """
    )
    for (index,) in await cursor.fetchall():
        await connection.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(index)))


async def _record_release(connection: Connection) -> None:
    """Last, so that whatever was cut short is done again by the next migrate."""
    await connection.execute(
        """
        INSERT INTO runtime.release (version, oldest_working, routines_sha256) VALUES (%s, %s, %s)
        ON CONFLICT (is_only) DO UPDATE
        SET (version, oldest_working, routines_sha256)
          = (excluded.version, excluded.oldest_working, excluded.routines_sha256)
        """,
        [avalon.__version__, OLDEST_WORKING, _checksum(*_replaced())],
    )


async def _grant(connection: Connection, service_url: str, progress: Progress) -> None:
    """Gives the service's login its rights; nothing to do where the owner itself is the service."""
    service = psycopg.conninfo.conninfo_to_dict(service_url)
    role = str(service.get("user") or connection.info.user)
    if role == connection.info.user:
        return
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
    row = await cursor.fetchone()
    async with connection.transaction():
        if not (row and row[0]):
            await _create_role(connection, role, str(service["password"]) if "password" in service else None)
            progress(f"role {role} made")
        text = (SQL / "privileges.sql").read_text()
        await connection.execute(
            as_query(text.replace(':"service"', sql.Identifier(role).as_string(connection)))
        )


async def _create_role(connection: Connection, role: str, password: str | None) -> None:
    await connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    )
    log(Action.ROLE_CREATED, role=role)


def _migrations() -> list[Path]:
    return sorted((SQL / "migrations").glob("*.sql"))


def _routines() -> list[Path]:
    return [*sorted((SQL / "routines").glob("*.sql")), SQL / "triggers.sql"]


def _replaced() -> list[Path]:
    return [*_routines(), *reporting.views()]


def _checksum(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _as_tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
