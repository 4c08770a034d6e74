"""The login of schema reporting: it reads the views, and nothing else anywhere."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from avalon.database import Database
from avalon.embedded import start_embedded
from avalon.migrations import migrate
from avalon.reporting import ROLE
from avalon.statements import SQL
from tests.conftest import Urls
from tests.history import report

Connection = psycopg.AsyncConnection[Any]

TABLES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, n.nspname AS schema, c.oid, c.relkind
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
REACHED_TABLES = f"""
SELECT name
FROM ({TABLES}) AS t
WHERE CASE relkind
  WHEN 'S' THEN has_sequence_privilege('{ROLE}', oid, 'SELECT, USAGE, UPDATE')
  ELSE has_any_column_privilege('{ROLE}', oid, 'INSERT, UPDATE, REFERENCES')
    OR has_table_privilege('{ROLE}', oid, 'DELETE, TRUNCATE, TRIGGER')
    OR (schema <> 'reporting' AND has_any_column_privilege('{ROLE}', oid, 'SELECT'))
END
ORDER BY name
"""
REACHED_FUNCTIONS = f"""
SELECT p.oid::regprocedure::text
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND has_function_privilege('{ROLE}', p.oid, 'EXECUTE')
ORDER BY 1
"""


async def rows(connection: Connection, query: str) -> list[Any]:
    cursor = await connection.execute(query.encode())
    return await cursor.fetchall()


@pytest.fixture
async def reader(urls: Urls) -> AsyncIterator[Connection]:
    """The login on a database that was migrated for itself: a clone lacks the rights of a database."""
    await migrate(urls.owner, urls.service)
    async with await psycopg.AsyncConnection.connect(urls.reporting, autocommit=True) as connection:
        yield connection


async def test_it_reads_every_view(reader: Connection) -> None:
    for path in (SQL / "reporting").glob("*.sql"):
        assert await rows(reader, f"SELECT * FROM {path.stem}") is not None


async def test_it_has_no_right_on_anything_else(reader: Connection, owner: Connection) -> None:
    assert await rows(owner, REACHED_TABLES) == []
    assert await rows(owner, REACHED_FUNCTIONS) == []


async def test_what_it_is_refused_is_refused_when_it_tries(reader: Connection) -> None:
    tables = [name for name, schema, *_ in await rows(reader, TABLES) if schema != "reporting"]
    assert {"log.event", "log.fact", "projection.visible_report", "account.app_user"} <= set(tables)
    assert {"account.sink_secret", "projection.api_key_secret", "baseline.issue"} <= set(tables)
    for name in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute(f"SELECT 1 FROM {name}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await reader.execute("SELECT log.create_day('2026-01-01')")


@pytest.mark.parametrize(
    "mistake",
    [
        "GRANT SELECT ON account.secret TO PUBLIC",
        "GRANT SELECT (password_hash) ON account.app_user TO PUBLIC",
        f"GRANT UPDATE ON reporting.service_hourly TO {ROLE}",
        f"GRANT USAGE ON SEQUENCE log.clock TO {ROLE}",
    ],
    ids=["table", "column", "view", "sequence"],
)
async def test_the_sweep_would_find_a_right_on_a_table(owner: Connection, mistake: str) -> None:
    await owner.execute(mistake.encode())
    assert len(await rows(owner, REACHED_TABLES)) == 1


async def test_what_was_given_by_mistake_ends_with_the_next_migrate(urls: Urls, owner: Connection) -> None:
    for mistake in (
        "GRANT USAGE ON SCHEMA account TO PUBLIC",
        "GRANT SELECT ON account.secret TO PUBLIC",
        "GRANT SELECT (password_hash) ON account.app_user TO PUBLIC",
        f"GRANT SELECT ON log.event TO {ROLE}",
        f"GRANT UPDATE ON reporting.service_hourly TO {ROLE}",
        f"GRANT USAGE ON SEQUENCE log.clock TO {ROLE}",
        f"GRANT EXECUTE ON FUNCTION log.unmute_due() TO {ROLE}",
    ):
        await owner.execute(mistake.encode())
    assert len(await rows(owner, REACHED_TABLES)) == 5
    await migrate(urls.owner, urls.service)
    assert await rows(owner, REACHED_TABLES) == await rows(owner, REACHED_FUNCTIONS) == []


async def test_a_new_function_is_out_of_reach_after_the_next_migrate(urls: Urls, owner: Connection) -> None:
    await owner.execute("CREATE FUNCTION log.novelty() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    assert await rows(owner, REACHED_FUNCTIONS) == [("log.novelty()",)]
    await migrate(urls.owner, urls.owner)  # also where the service has no login of its own
    assert await rows(owner, REACHED_FUNCTIONS) == []


CREATIONS = {
    "table": "CREATE TABLE reporting.mine (n int)",
    "public table": "CREATE TABLE public.mine (n int)",
    "temporary table": "CREATE TEMPORARY TABLE mine (n int)",
    "temporary function": "CREATE FUNCTION pg_temp.leak() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "view": "CREATE VIEW reporting.mine AS SELECT 1 AS n",
    "schema": "CREATE SCHEMA mine",
}


@pytest.mark.parametrize("creation", CREATIONS.values(), ids=CREATIONS)
async def test_it_makes_nothing_even_when_it_may_write(reader: Connection, creation: str) -> None:
    await reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await reader.execute(creation.encode())


async def test_it_changes_nothing_through_a_view(reader: Connection) -> None:
    await reader.execute("SET default_transaction_read_only = off")
    for statement in (
        "DELETE FROM reporting.service_hourly",
        "UPDATE reporting.service_hourly SET events = 0",
        "INSERT INTO reporting.service_hourly (service) VALUES ('x')",
        "SET ROLE avalon",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute(statement.encode())


async def test_where_everybody_may_make_temporary_tables_migrate_ends_that(
    urls: Urls, owner: Connection
) -> None:
    async with await psycopg.AsyncConnection.connect(urls.reporting, autocommit=True) as reader:
        await reader.execute("SET default_transaction_read_only = off")
        await owner.execute(f"GRANT TEMPORARY ON DATABASE {owner.info.dbname} TO PUBLIC".encode())
        await reader.execute("CREATE TEMPORARY TABLE mine (n int)")
        await migrate(urls.owner, urls.service)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute("CREATE TEMPORARY TABLE yours (n int)")


async def test_what_the_owner_can_not_take_back_is_said(urls: Urls) -> None:
    async with await psycopg.AsyncConnection.connect(urls.superuser, autocommit=True) as superuser:
        await superuser.execute(f"CREATE SCHEMA open; GRANT CREATE ON SCHEMA open TO {ROLE}".encode())
    said: list[str] = []
    await migrate(urls.owner, urls.service, progress=said.append)
    assert [line for line in said if "may make tables" in line]


async def test_it_sees_no_secret_of_the_catalog(
    reader: Connection, owner: Connection, database: Database
) -> None:
    await report(database)
    await owner.execute("ANALYZE")
    assert await rows(owner, "SELECT FROM pg_stats WHERE schemaname = 'log'")
    assert await rows(reader, "SELECT FROM pg_stats WHERE schemaname IN ('log', 'projection')") == []
    others = "SELECT query FROM pg_stat_activity WHERE usename <> current_user AND query NOT LIKE '<insuff%'"
    assert await rows(owner, "SELECT FROM pg_stat_activity WHERE pid = pg_backend_pid() AND query <> ''")
    assert [query for (query,) in await rows(reader, others) if query] == []
    for secret in ("pg_authid", "pg_statistic", "pg_largeobject", "pg_user_mapping", "pg_hba_file_rules"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute(f"SELECT * FROM {secret}".encode())
    for call in ("pg_read_file('PG_VERSION')", "pg_ls_dir('.')", "pg_stat_file('PG_VERSION')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute(f"SELECT {call}".encode())


async def test_its_sessions_are_read_only_and_end_what_takes_too_long(reader: Connection) -> None:
    settings = "statement_timeout", "idle_in_transaction_session_timeout", "default_transaction_read_only"
    found = [(await rows(reader, f"SHOW {name}"))[0][0] for name in (*settings, "search_path", "timezone")]
    assert found == ["30s", "30s", "on", "reporting", "UTC"]


async def test_two_databases_of_a_cluster_share_it(urls: Urls, empty_urls: Urls) -> None:
    await migrate(empty_urls.owner, empty_urls.service)
    for url in (urls.reporting, empty_urls.reporting):
        async with await psycopg.AsyncConnection.connect(url) as reader:
            assert await rows(reader, "SELECT * FROM reporting.issue") == []


async def test_an_owner_who_may_make_no_role_says_so_and_goes_on() -> None:
    with tempfile.TemporaryDirectory(prefix="avl") as folder:
        embedded = start_embedded(Path(folder) / "data")
        try:
            await _migrate_without_and_with_the_right(embedded.superuser_url, embedded.owner_url)
        finally:
            embedded.stop()


async def _migrate_without_and_with_the_right(superuser_url: str, owner_url: str) -> None:
    said: list[str] = []
    reader_url = psycopg.conninfo.make_conninfo(owner_url, user=ROLE)
    async with await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as superuser:
        await superuser.execute("ALTER ROLE avalon NOCREATEROLE")
        await migrate(owner_url, owner_url, progress=said.append)
        assert await _open_to_everybody(owner_url) == []  # also without the login
        assert [line for line in said if "reporting_role.sql" in line]
        with pytest.raises(psycopg.OperationalError):
            await psycopg.AsyncConnection.connect(reader_url)

        await superuser.execute("ALTER ROLE avalon CREATEROLE")
        await migrate(owner_url, owner_url)
        async with await psycopg.AsyncConnection.connect(reader_url) as reader:
            assert await rows(reader, "SELECT * FROM issue") == []
            assert await rows(reader, "SHOW statement_timeout") == [("30s",)]


async def _open_to_everybody(owner_url: str) -> list[Any]:
    query = """
    SELECT p.oid::regprocedure
    FROM pg_proc AS p
    WHERE p.pronamespace = 'log'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
    """
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        return await rows(connection, query)
