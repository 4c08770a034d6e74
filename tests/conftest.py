"""Every test gets a real Postgres: one migrated template per session, one clone of it per test (0.02 s).

The server is the embedded one, or the one that AVALON_TEST_DSN names with a superuser's DSN.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from avalon.database import Database, connect
from avalon.migrations import migrate
from avalon.reporting import ROLE as REPORTING
from avalon.statements import SQL

if TYPE_CHECKING:
    from avalon.routes.dependencies import Services
    from avalon.settings import Settings

PASSWORD = "only-for-tests"
OWNER, SERVICE = "avalon", "avalon_app"
ROOM_BYTES = 3 * 1024**3


def pytest_configure() -> None:
    """Temporary files go to memory, where there is such a folder, with room, from which programs may run.

    Dozens of clusters are made and thrown away here, and none has to wait for the disk.
    """
    folder = Path("/dev/shm")
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK):
        return
    state = os.statvfs(folder)
    if state.f_bavail * state.f_frsize > ROOM_BYTES and not state.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


class Urls(NamedTuple):
    """The logins of one test's database, and its server's superuser."""

    owner: str
    service: str
    superuser: str
    reporting: str = ""


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
            _forget_durability(embedded.superuser_url)
            yield embedded.superuser_url
        finally:
            embedded.stop()


def _forget_durability(superuser: str) -> None:
    """Nothing here outlives a crash of the machine: no waiting for the disk at every clone and commit.

    Nor does a database live long enough to need the autovacuum, which changes plans when it likes.
    """
    with psycopg.connect(superuser, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(cluster: str) -> Iterator[str]:
    """The name of a migrated database to clone."""
    name = f"avalon_template_{os.getpid()}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        for role in (OWNER, SERVICE):
            _ensure_role(connection, role)
        _ensure_reporting_role(connection)
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
        owner=_url(superuser, dbname=name, user=OWNER, password=PASSWORD),
        service=_url(superuser, dbname=name, user=SERVICE, password=PASSWORD),
        superuser=_url(superuser, dbname=name),
        reporting=_url(superuser, dbname=name, user=REPORTING, password=PASSWORD),
    )


def _url(dsn: str, **changes: str) -> str:
    """The DSN as a URL, all of it in the query, with changes."""
    return "postgresql://?" + urlencode(conninfo_to_dict(dsn) | changes, quote_via=quote)


def _ensure_role(connection: psycopg.Connection[Any], role: str) -> None:
    with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD))
        )


def _ensure_reporting_role(connection: psycopg.Connection[Any]) -> None:
    """As an administrator makes it where the owner may not make roles; with a password of the tests."""
    with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation), connection.transaction():
        connection.execute((SQL / "reporting_role.sql").read_bytes())
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(REPORTING), sql.Literal(PASSWORD))
        )


def _create(connection: psycopg.Connection[Any], name: str, template: str = "template0") -> None:
    # Copying files: the other strategy writes every page to the write-ahead log, six times the work.
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy OWNER {} ENCODING 'UTF8'").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER)
        )
    )


def _drop(cluster: str, name: str) -> None:
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


ADMIN = "admin"
ADMIN_PASSWORD = "a password for tests"


def plain_client(url: str = "", **options: Any) -> httpx.AsyncClient:
    """A client of servers that speak plain HTTP: to read the certificates of all the world takes 20 ms."""
    return httpx.AsyncClient(base_url=url, verify=False, **options)


class Server(NamedTuple):
    """A running service in the test's own loop, behind a real socket."""

    url: str
    key: str
    service: str
    settings: Settings
    services: Services

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A client that nobody has signed in."""
        return plain_client(self.url, **options)

    async def login(self, username: str = ADMIN, password: str = ADMIN_PASSWORD) -> str:
        """A session's token."""
        async with self.client() as client:
            answer = await client.post("/api/auth/login", json={"username": username, "password": password})
            token: str = answer.raise_for_status().json()["token"]
            return token

    async def report(self, message: str = "boom", **fields: Any) -> dict[str, Any]:
        """Sends one report under the first key; the answer."""
        body = {"error": {"message": message, **fields.pop("error", {})}, **fields}
        async with self.client(headers={"X-API-Key": self.key}) as client:
            found: dict[str, Any] = (await client.post("/report", json=body)).raise_for_status().json()
            return found


def settings_for(urls: Urls, folder: Path, **more: str) -> Settings:
    """The settings of a service on a test's database."""
    from avalon.settings import load_settings

    environ = {
        "DATABASE_URL": urls.service,
        "DATABASE_OWNER_URL": urls.owner,
        "AVALON_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "AVALON_LOG_FILE": str(folder / "logs" / "errors.log"),
    }
    return load_settings(environ | more, folder / "no.env")


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Server]:
    """Serves on a free port until the block ends."""
    from avalon.app import create_app
    from avalon.auth import Auth
    from avalon.cli.server import Server as DrainingServer

    assert settings.database_url is not None
    database = Database(settings.database_url, size=1)
    await database.open()
    first = await Auth(database, settings, lambda: False).bootstrap()
    await database.close()
    app = create_app(settings)
    # asyncio switches Nagle's delay (40 ms an answer) off only where the protocol is named.
    with socket.socket(proto=socket.IPPROTO_TCP) as taken:
        taken.bind(("127.0.0.1", 0))
        server = DrainingServer(app, settings)
        task = asyncio.create_task(server.serve(sockets=[taken]))
        while not server.started:
            assert not task.done(), "the service did not start"
            await asyncio.sleep(0.005)
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        key, service = (first.api_key, first.service) if first else ("", "")
        try:
            yield Server(url, key, service, settings, app.services)
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def server(urls: Urls, tmp_path: Path) -> AsyncIterator[Server]:
    """A running service on a database of the test's own, with its first key and admin."""
    async with running(settings_for(urls, tmp_path)) as found:
        yield found


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client that nobody has signed in."""
    async with server.client() as found:
        yield found


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client signed in as the first admin."""
    async with server.client(headers={"Authorization": f"Bearer {await server.login()}"}) as found:
        yield found
