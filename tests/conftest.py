"""Every test gets a real Postgres: one migrated template per session, one clone of it per test (0.1 s).

The server is the embedded one, or the one that AVALON_TEST_DSN names with a superuser's DSN.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from avalon.database import Database, connect
from avalon.migrations import migrate

PASSWORD = "only-for-tests"
OWNER, SERVICE = "avalon", "avalon_app"


class Urls(NamedTuple):
    """The two logins of one test's database, and its server's superuser."""

    owner: str
    service: str
    superuser: str


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A superuser's DSN of the server that all tests of this session use."""
    given = os.environ.get("AVALON_TEST_DSN")
    if given:
        yield given
        return
    from avalon.embedded import start_embedded

    with tempfile.TemporaryDirectory(prefix="avl") as folder:
        embedded = start_embedded(Path(folder) / "data")
        try:
            yield embedded.superuser_url
        finally:
            embedded.stop()


@pytest.fixture(scope="session")
def template(cluster: str) -> Iterator[str]:
    """The name of a migrated database to clone."""
    name = f"avalon_template_{os.getpid()}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        for role in (OWNER, SERVICE):
            _ensure_role(connection, role)
        _create(connection, name)
    urls = _urls(cluster, name)
    asyncio.run(migrate(urls.owner, urls.service))
    yield name
    _drop(cluster, name)


_numbers = itertools.count(1)


@pytest.fixture
def urls(cluster: str, template: str) -> Iterator[Urls]:
    """A database of this test's own, migrated and empty."""
    name = f"avalon_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        _create(connection, name, template)
    yield _urls(cluster, name)
    _drop(cluster, name)


@pytest.fixture
def empty_urls(cluster: str, template: str) -> Iterator[Urls]:
    """A database that holds nothing yet."""
    name = f"avalon_empty_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        _create(connection, name)
    yield _urls(cluster, name)
    _drop(cluster, name)


@pytest.fixture
async def database(urls: Urls) -> AsyncIterator[Database]:
    """A pool under the service's login."""
    pool = Database(urls.service)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def owner(urls: Urls) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection under the owner's login."""
    connection = await connect(urls.owner, statement_timeout="60s")
    yield connection
    await connection.close()


def _urls(superuser: str, name: str) -> Urls:
    return Urls(
        owner=make_conninfo(superuser, dbname=name, user=OWNER, password=PASSWORD),
        service=make_conninfo(superuser, dbname=name, user=SERVICE, password=PASSWORD),
        superuser=make_conninfo(superuser, dbname=name),
    )


def _ensure_role(connection: psycopg.Connection[Any], role: str) -> None:
    with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD))
        )


def _create(connection: psycopg.Connection[Any], name: str, template: str = "template0") -> None:
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} ENCODING 'UTF8'").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER)
        )
    )


def _drop(cluster: str, name: str) -> None:
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
