"""The embedded Postgres, each test on a folder of its own; root runs it as another user."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from avalon.embedded import program, start_embedded
from avalon.embedded.account import MAX_SOCKET_PATH_BYTES, Account, open_tree, socket_folder
from avalon.embedded.cluster import Cluster, find_server, stop_server
from avalon.errors import SettingsError, Unavailable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty() -> Iterator[Path]:
    """A short path (a socket's path must be short); a server that a failed test leaves there is stopped."""
    with tempfile.TemporaryDirectory(prefix="avl") as folder:
        yield Path(folder)
        for version in Path(folder).rglob("postgres/PG_VERSION"):
            stop_server(cluster_of(version.parents[1]))


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="avl") as folder:
        start_embedded(Path(folder)).stop()
        yield Path(folder)


@pytest.fixture
def home(empty: Path, initialised: Path) -> Path:
    """A folder that was started and stopped before; copied, because making one takes a second."""
    subprocess.run(["cp", "-a", f"{initialised}/.", empty], check=True)
    return empty


def cluster_of(home: Path) -> Cluster:
    status = (home / "postgres").stat()
    return Cluster(home, Account(status.st_uid, status.st_gid))


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def start_in_a_process(home: Path, *, then: str = "sys.stdin.read()") -> subprocess.Popen[str]:
    """Another service process on the folder: it starts or adopts, says which, and does `then`."""
    code = f"""
        import os, signal, sys
        from pathlib import Path
        from avalon.embedded import start_embedded
        embedded = start_embedded(Path({str(home)!r}))
        print("adopted" if embedded.adopted else "started", flush=True)
        {then}
        embedded.stop()
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_it_starts_with_its_database_and_two_logins_and_stops(empty: Path):
    embedded = start_embedded(empty)
    assert not embedded.adopted
    who = "SELECT current_user, current_database(), current_setting('server_version_num')::int / 10000"
    assert query(embedded.owner_url, who) == [("avalon", "avalon", 18)]
    assert query(embedded.service_url, who) == [("avalon_app", "avalon", 18)]
    assert query(embedded.superuser_url, "SHOW is_superuser") == [("on",)]
    query(embedded.owner_url, "CREATE SCHEMA log")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(embedded.service_url, "CREATE SCHEMA other")
    embedded.stop()
    embedded.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(embedded.owner_url)


def test_its_settings_are_safe_and_sized_for_a_laptop(home: Path):
    embedded = start_embedded(home)
    try:
        shown = dict(query(embedded.owner_url, "SELECT name, setting FROM pg_settings"))
    finally:
        embedded.stop()
    assert (shown["fsync"], shown["synchronous_commit"], shown["full_page_writes"]) == ("on", "on", "on")
    assert (shown["jit"], shown["TimeZone"], shown["server_encoding"]) == ("off", "UTC", "UTF8")
    assert shown["listen_addresses"] == ""
    assert shown["data_checksums"] == "on"
    assert shown["shared_buffers"] == str(128 * 1024 // 8)  # in pages of 8 kB


def test_only_its_own_user_and_root_can_reach_the_socket(home: Path):
    embedded = start_embedded(home)
    try:
        folder = Path(parse_qs(urlsplit(embedded.owner_url).query)["host"][0])
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == (folder / "PG_VERSION").stat().st_uid
        assert (folder.stat().st_uid == 0) is False, "Postgres must not run as root"
        assert not stat.S_IMODE(home.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWOTH)
    finally:
        embedded.stop()


def test_a_restart_keeps_the_data(home: Path):
    first = start_embedded(home)
    query(first.owner_url, "CREATE TABLE kept AS SELECT 1 AS answer")
    first.stop()
    second = start_embedded(home)
    try:
        assert not second.adopted
        assert query(second.owner_url, "SELECT answer FROM kept") == [(1,)]
    finally:
        second.stop()


def test_a_killed_service_leaves_a_server_that_the_next_start_adopts_and_stops(home: Path):
    service = start_in_a_process(home)
    assert service.stdout.readline() == "started\n"
    pid = find_server(cluster_of(home))
    kill(service)
    adopted = start_embedded(home)
    assert adopted.adopted
    assert find_server(cluster_of(home)) == pid
    assert query(adopted.owner_url, "SELECT 1") == [(1,)]
    adopted.stop()
    assert find_server(cluster_of(home)) is None


def test_a_service_and_its_server_killed_together_lose_nothing_committed(home: Path):
    service = start_in_a_process(home)
    assert service.stdout.readline() == "started\n"
    owner = cluster_of(home).url("avalon", "avalon")
    query(owner, "CREATE TABLE kept AS SELECT 1 AS answer")
    pid = find_server(cluster_of(home))
    os.kill(pid, signal.SIGKILL)
    kill(service)
    assert (home / "postgres" / "postmaster.pid").exists()
    recovered = start_embedded(home)
    try:
        assert not recovered.adopted
        assert query(recovered.owner_url, "SELECT answer FROM kept") == [(1,)]
    finally:
        recovered.stop()


def test_a_server_that_dies_while_it_is_adopted_is_started_again(home: Path, monkeypatch: pytest.MonkeyPatch):
    """However long it takes to die: that is not the time which its processes have."""
    monkeypatch.setattr("avalon.embedded.cluster.ORPHANS_TIMEOUT_S", 0.0)
    dying = iter([os.getpid()])
    monkeypatch.setattr(
        "avalon.embedded.cluster.find_server", lambda cluster: next(dying, None) or find_server(cluster)
    )
    embedded = start_embedded(home)
    try:
        assert not embedded.adopted
        assert query(embedded.owner_url, "SELECT 1") == [(1,)]
    finally:
        embedded.stop()


def test_a_stale_pid_file_whose_pid_is_now_another_programs_is_no_obstacle(home: Path):
    with subprocess.Popen(["sleep", "60"], user=Path(home / "postgres").stat().st_uid) as stranger:
        data = home / "postgres"
        (data / "postmaster.pid").write_text(
            f"{stranger.pid}\n{data}\n1700000000\n5432\n{data}\n\n  1234567   1\nready   \n"
        )
        os.chown(data / "postmaster.pid", data.stat().st_uid, data.stat().st_gid)
        assert find_server(cluster_of(home)) is None
        embedded = start_embedded(home)
        assert not embedded.adopted
        assert query(embedded.owner_url, "SELECT 1") == [(1,)]
        assert stranger.poll() is None
        embedded.stop()
        stranger.kill()


def test_the_last_of_several_processes_stops_the_server(home: Path):
    ours = start_embedded(home)
    other = start_in_a_process(home)
    assert other.stdout.readline() == "adopted\n"
    pid = find_server(cluster_of(home))
    ours.stop()
    assert find_server(cluster_of(home)) == pid, "the other process still uses it"
    other.communicate("", timeout=30)
    assert other.returncode == 0
    assert find_server(cluster_of(home)) is None


def test_starts_at_the_same_time_share_one_server(empty: Path):
    several = [start_in_a_process(empty) for _ in range(3)]
    said = sorted(process.stdout.readline() for process in several)
    assert said == ["adopted\n", "adopted\n", "started\n"]
    for process in several:
        process.communicate("", timeout=30)
    assert find_server(cluster_of(empty)) is None


def test_the_terminals_signals_do_not_reach_the_server(home: Path):
    interrupt = "signal.signal(2, signal.SIG_IGN); os.killpg(0, 2); print('interrupted', flush=True)"
    service = start_in_a_process(home, then=f"{interrupt}; sys.stdin.read()")
    assert service.stdout.readline() == "started\n"
    pid = find_server(cluster_of(home))
    assert service.stdout.readline() == "interrupted\n"
    assert os.getsid(pid) == os.getpgid(pid) == pid
    assert query(cluster_of(home).url("avalon", "avalon"), "SELECT 1") == [(1,)]
    service.communicate("", timeout=30)


def test_a_start_cut_short_while_it_made_the_cluster_leaves_nothing_half_made(empty: Path):
    (empty / "postgres.new").mkdir()
    (empty / "postgres.new" / "PG_VERSION").write_text("18\n")
    start_embedded(empty).stop()
    assert not (empty / "postgres.new").exists()


def test_the_data_of_another_major_version_is_refused_and_left_alone(home: Path):
    version = home / "postgres" / "PG_VERSION"
    version.write_text("16\n")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (home / "postgres").iterdir())
    with pytest.raises(SettingsError, match=r"made by Postgres 16.*brings 18.*pg_dumpall.*pg_upgrade"):
        start_embedded(home)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (home / "postgres").iterdir()) == before
    version.write_text("18\n")


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(home: Path):
    deep = home / ("d" * 60) / ("e" * 60)
    embedded = start_embedded(deep)
    folder = Path(parse_qs(urlsplit(embedded.owner_url).query)["host"][0])
    try:
        assert folder != deep / "postgres"
        assert len(os.fsencode(folder)) < MAX_SOCKET_PATH_BYTES
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert query(embedded.service_url, "SELECT 1") == [(1,)]
        again = start_embedded(deep)
        assert again.owner_url == embedded.owner_url
        again.stop()
    finally:
        embedded.stop()
    assert not folder.exists()


def test_any_character_may_stand_in_the_path(empty: Path):
    odd = empty / 'd\'or, "50 %" $x'
    embedded = start_embedded(odd)
    try:
        assert query(embedded.service_url, "SELECT 1") == [(1,)]
    finally:
        embedded.stop()


def test_a_short_folder_that_others_could_enter_is_refused(home: Path):
    ours = Account(os.geteuid(), os.getegid())
    data = home / ("d" * 100) / "postgres"
    folder = socket_folder(data, ours)
    try:
        assert socket_folder(data, ours) == folder
        folder.chmod(0o777)
        with pytest.raises(SettingsError, match="not a private folder of ours"):
            socket_folder(data, ours)
    finally:
        folder.rmdir()


def test_a_server_that_does_not_come_up_says_why_with_the_end_of_its_log(home: Path):
    with (home / "postgres" / "postgresql.conf").open("a") as conf:
        conf.write("max_connections = many\n")
    with pytest.raises(Unavailable, match=r"(?s)the embedded Postgres ended.*max_connections"):
        start_embedded(home)


def test_a_folder_that_cannot_be_used_is_refused(home: Path):
    (home / "file").write_text("")
    with pytest.raises(SettingsError, match="AVALON_DATA_DIR"):
        start_embedded(home / "file")


def test_other_servers_variables_do_not_lead_astray(home: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in {
        "PGPORT": "6543",
        "PGHOST": "db.invalid",
        "PGUSER": "nobody",
        "PGDATABASE": "x",
    }.items():
        monkeypatch.setenv(name, value)
    embedded = start_embedded(home)
    try:
        assert query(embedded.owner_url, "SELECT current_database()") == [("avalon",)]
    finally:
        embedded.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
class TestAsRoot:
    def test_binaries_that_a_strict_umask_closed_are_opened_for_reading_only(self, home: Path):
        tree = home / "install"
        (tree / "bin").mkdir(parents=True)
        for name, mode in {"program": 0o700, "readme": 0o600}.items():
            (tree / "bin" / name).write_text("")
            (tree / "bin" / name).chmod(mode)
        for folder in (tree / "bin", tree):
            folder.chmod(0o700)
        open_tree(tree, Account(65534, 65534))
        modes = [
            stat.S_IMODE((tree / name).stat().st_mode) for name in (".", "bin", "bin/program", "bin/readme")
        ]
        assert modes == [0o705, 0o705, 0o705, 0o604]
        assert stat.S_IMODE(home.stat().st_mode) == 0o701, "to be passed through, not to be listed"

    def test_it_works_without_root_too(self, home: Path):
        """In a process that becomes nobody once it has loaded our packages, which nobody may not read."""
        home.chmod(0o755)
        (home / "own").mkdir()
        os.chown(home / "own", 65534, 65534)
        code = f"""
            import os
            from pathlib import Path
            import psycopg
            from avalon.embedded import start_embedded
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
            for _ in range(2):
                embedded = start_embedded(Path({str(home / "own")!r}))
                with psycopg.connect(embedded.owner_url) as connection:
                    print(connection.execute("SELECT current_user").fetchone()[0])
                embedded.stop()
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=60,
        )
        assert done.stdout == "avalon\navalon\n", done.stderr
        assert (home / "own" / "postgres").stat().st_uid == 65534


def test_the_wheels_programs_are_found_and_others_are_not():
    assert program("psql").is_file()
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        program("no_such_program")
