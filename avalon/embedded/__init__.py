"""The embedded Postgres of a start with no DATABASE_URL: a wheel's binaries, a folder, a Unix socket.

The server is a process of its own session: neither Ctrl-C nor a kill -9 of the service ends it, and the next
start on the folder adopts it, or starts a new one, which recovers. Every service process holds a shared lock
on the folder; who stops as the last stops the server. It listens on no network. Who may enter the socket's
folder (0700: its user, and root) is trusted; nobody else can connect.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import psycopg
from psycopg import sql

from avalon.embedded.account import choose_account, open_tree, open_way
from avalon.embedded.cluster import (
    SUPERUSER,
    Cluster,
    check_version,
    initialise,
    program,
    run_server,
    stop_server,
)
from avalon.errors import SettingsError

__all__ = ["EmbeddedPostgres", "program", "start_embedded"]

OWNER, SERVICE, DATABASE = "avalon", "avalon_app", "avalon"
START_TIMEOUT_S = 120.0  # long: a start after a crash reads the write-ahead log first


class EmbeddedPostgres:
    """A running server, and this process's share in it."""

    def __init__(self, cluster: Cluster, users: BinaryIO, *, adopted: bool) -> None:
        self._cluster = cluster
        self._users = users
        self.adopted = adopted  # whether the server was running already
        self.superuser_url = cluster.url(SUPERUSER, "postgres")
        self.owner_url = cluster.url(OWNER, DATABASE)
        self.service_url = cluster.url(SERVICE, DATABASE)

    def stop(self) -> None:
        """Stops the server, unless another live process uses it. A second call does nothing."""
        if self._users.closed:
            return
        with _start_lock(self._cluster.home), self._users:
            if _is_last(self._users):
                stop_server(self._cluster)


def start_embedded(data_dir: Path, timeout_s: float = START_TIMEOUT_S) -> EmbeddedPostgres:
    """Starts or adopts the server under `data_dir`, with its roles and its database; blocks until it answers.

    Raises SettingsError where the folder can't be used, Unavailable where the server does not come up.
    """
    home = data_dir.expanduser().resolve()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _start_lock(home):
            return _start(home, timeout_s)
    except OSError as error:
        raise SettingsError(f"AVALON_DATA_DIR: {home} can't be used by this user: {error}") from error


def _start(home: Path, timeout_s: float) -> EmbeddedPostgres:
    cluster = Cluster(home, choose_account(home / "postgres"))
    open_tree(program("postgres").parents[1], cluster.account)
    open_way(cluster.data, cluster.account)
    if not cluster.data.exists():
        initialise(cluster)
    check_version(cluster)
    users = (home / "users.lock").open("ab")
    try:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for nobody: it is taken alone only under the start lock
        started = run_server(cluster, timeout_s)
        _ensure_database(cluster)
        return EmbeddedPostgres(cluster, users, adopted=not started)
    except BaseException:
        users.close()
        raise


@contextmanager
def _start_lock(home: Path) -> Iterator[None]:
    """Starts and stops on one folder happen one after the other."""
    with (home / "start.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_last(users: BinaryIO) -> bool:
    """Whether no other live process holds the lock that each of them shares."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ensure_database(cluster: Cluster) -> None:
    """The owner's login, the service's, and the owner's database."""
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        for role in (OWNER, SERVICE):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        # So that migrations can make the login of schema reporting.
        if not connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %s AND rolcreaterole", [OWNER]
        ).fetchone():
            connection.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(sql.Identifier(OWNER)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            names = [sql.Identifier(name) for name in (DATABASE, OWNER)]
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
