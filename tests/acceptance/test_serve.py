"""`avalon serve` as people start, stop, kill and start it again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.acceptance.command import Command, Running
from tests.conftest import Urls

LISTENS = re.compile(r"Avalon listens: (http://\S+)")
CURL = re.compile(r"^  (curl .*)$", re.MULTILINE)


class Service(Running):
    """A service that listens, and what it said at its start."""

    def __init__(self, running: Running, url: str) -> None:
        self.__dict__.update(running.__dict__)
        self.url = url

    def ready(self) -> bool:
        return httpx.get(f"{self.url}/health/ready").status_code == 200


@contextmanager
def serving(command: Command, *arguments: str, **settings: str) -> Iterator[Service]:
    with command.start("serve", "--port", "0", *arguments, **settings) as running:
        line = running.stderr.wait_for("Avalon listens: ")
        match = LISTENS.search(line)
        assert match is not None
        yield Service(running, match[1])


def poll(is_so: Callable[[], Any], deadline_s: float = 30) -> None:
    end = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def stop(service: Service) -> int:
    """Ends it as Docker and systemd do; all that it had left to say is in `stderr.seen` then."""
    service.signal(signal.SIGTERM)
    code = service.wait()
    service.stderr.rest()
    return code


@pytest.fixture
def on_database(urls: Urls, tmp_path: Path) -> Command:
    return Command(tmp_path, DATABASE_URL=urls.service, DATABASE_OWNER_URL=urls.owner)


@pytest.fixture
def from_nothing(tmp_path: Path) -> Command:
    """A fresh folder and no DATABASE_URL."""
    return Command(tmp_path)


def first_curl(service: Service) -> str:
    """The command that the very first start prints."""
    line = service.stderr.wait_for(lambda line: line.startswith("  curl "))
    return line.strip()


def postgres_is_running(folder: Path) -> bool:
    pid_file = folder / ".avalon" / "postgres" / "postmaster.pid"
    if not pid_file.exists():
        return False
    try:
        os.kill(int(pid_file.read_text().splitlines()[0]), 0)
    except ProcessLookupError:
        return False
    return True


class TestFromNothing:
    def test_the_curl_works_and_the_end_is_clean(self, from_nothing: Command, tmp_path: Path) -> None:
        with serving(from_nothing) as service:
            curl = first_curl(service)
            done = subprocess.run(["bash", "-c", curl + " -s"], capture_output=True, text=True, timeout=20)
            answer = json.loads(done.stdout)
            assert answer["status"] == "ok"
            assert answer["url"].startswith(service.url)
            dsn = service.stderr.wait_for(lambda line: line.startswith("Programs with a Sentry SDK")).split()[
                -1
            ]
            key = dsn.removeprefix("http://").partition("@")[0]
            assert f"X-API-Key: {key}" in curl
            assert dsn == f"{service.url.replace('://', f'://{key}@')}/1"
            said = "\n".join(service.stderr.seen)
            password = re.search(r"password  (\S+)", said)
            assert password is not None
            login = {"username": "admin", "password": password[1]}
            signed_in = httpx.post(f"{service.url}/api/auth/login", json=login)
            assert signed_in.status_code == 200
            assert signed_in.json()["user"]["must_change_password"] is True
            assert stop(service) == 0
        assert not postgres_is_running(tmp_path)
        assert "Traceback" not in "\n".join(service.stderr.seen)

    def test_a_killed_service_starts_again_with_all_that_it_had(
        self, from_nothing: Command, tmp_path: Path
    ) -> None:
        with serving(from_nothing) as service:
            curl = first_curl(service)
            port = httpx.URL(service.url).port
            subprocess.run(["bash", "-c", curl + " -s"], check=True, capture_output=True)
            service.signal(signal.SIGKILL)
            service.wait()
        assert postgres_is_running(tmp_path)
        with serving(from_nothing) as again:
            assert not any("password" in line or "curl" in line for line in again.stderr.seen)
            again_curl = curl.replace(f":{port}/", f":{httpx.URL(again.url).port}/")
            done = subprocess.run(["bash", "-c", again_curl + " -s"], capture_output=True, text=True)
            assert json.loads(done.stdout)["status"] == "ok"
            tail = from_nothing.start("tail", "--after", "0")
            with tail as following:
                following.stdout.wait_for("Hello, Avalon")
                following.stdout.wait_for("Hello, Avalon")
            assert from_nothing.run("verify").returncode == 0
            assert postgres_is_running(tmp_path)
            assert stop(again) == 0
        assert not postgres_is_running(tmp_path)

    def test_workers_share_the_port_and_end_with_their_parent(
        self, from_nothing: Command, tmp_path: Path
    ) -> None:
        with serving(from_nothing, "--workers", "2") as service:
            curl = first_curl(service)
            for _ in range(4):
                done = subprocess.run(["bash", "-c", curl + " -s"], capture_output=True, text=True)
                assert json.loads(done.stdout)["status"] == "ok"
            assert stop(service) == 0
        assert not postgres_is_running(tmp_path)


class TestOnADatabase:
    def test_a_later_start_shows_no_secret(self, on_database: Command) -> None:
        with serving(on_database) as service:
            first_curl(service)
            assert stop(service) == 0
        with serving(on_database) as service:
            assert stop(service) == 0
            assert "password" not in "\n".join(service.stderr.seen)

    def test_replicas_that_start_at_once_make_one_first_account(
        self, empty_urls: Urls, tmp_path: Path
    ) -> None:
        settings = {
            "DATABASE_URL": empty_urls.service,
            "DATABASE_OWNER_URL": empty_urls.owner,
        }
        command = Command(tmp_path, **settings)
        with (
            command.start("serve", "--port", "0") as one,
            command.start("serve", "--port", "0") as other,
        ):
            for replica in (one, other):
                replica.stderr.wait_for("Avalon listens: ")
            said = []
            for replica in (one, other):
                replica.signal(signal.SIGTERM)
                assert replica.wait() == 0
                replica.stderr.rest()
                said += replica.stderr.seen
        assert sum("password  " in line for line in said) == 1
        with psycopg.connect(empty_urls.owner) as connection:
            assert connection.execute("SELECT count(*) FROM account.app_user").fetchone() == (1,)

    def test_a_given_password_is_not_printed(self, on_database: Command) -> None:
        secret = "a-password-of-my-own"
        with serving(on_database, AVALON_ADMIN_PASSWORD=secret) as service:
            login = {"username": "admin", "password": secret}
            signed_in = httpx.post(f"{service.url}/api/auth/login", json=login)
            assert signed_in.json()["user"]["must_change_password"] is False
            assert stop(service) == 0
            assert secret not in "\n".join(service.stderr.seen)

    def test_report_and_run_reach_it(self, on_database: Command, urls: Urls) -> None:
        with serving(on_database) as service:
            key = re.search(r"X-API-Key: (\w+)", first_curl(service))
            assert key is not None
            target = {"AVALON_URL": service.url, "AVALON_API_KEY": key[1]}
            done = on_database.run("report", "by hand", **target)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith(f"{service.url}/errors/")
            job = on_database.run("run", "--", "sh", "-c", "echo token=hunter2 >&2; exit 9", **target)
            assert job.returncode == 9
            wrong = on_database.run("report", "x", AVALON_URL=service.url, AVALON_API_KEY="avl_no")
            assert wrong.returncode == 1
        with psycopg.connect(urls.owner) as connection:
            reports = connection.execute(
                "SELECT data ->> 'message', data ->> 'stack' FROM log.report ORDER BY position"
            ).fetchall()
        assert reports[0][0] == "by hand"
        assert "failed with exit code 9" in reports[1][0]
        assert "hunter2" not in str(reports)

    def test_workers_are_replaced_when_they_die_and_end_with_a_killed_parent(
        self, on_database: Command
    ) -> None:
        with serving(on_database, "--workers", "2") as service:
            workers = children(service.pid)
            assert len(workers) == 2
            os.kill(workers[0], signal.SIGKILL)
            poll(lambda: len(set(children(service.pid)) - set(workers)) == 1)
            poll(service.ready)
            workers = children(service.pid)
            service.signal(signal.SIGKILL)
            service.wait()
            poll(lambda: not any(map(is_alive, workers)))

    def test_it_drains_on_sigterm(self, on_database: Command) -> None:
        """A request that has begun is answered; who comes later is refused."""
        with serving(on_database) as service:
            key = re.search(r"X-API-Key: (\w+)", first_curl(service))
            assert key is not None
            url = httpx.URL(service.url)
            body = b'{"error": {"message": "in flight"}}'
            head = (
                f"POST /report HTTP/1.1\r\nHost: {url.host}\r\nX-API-Key: {key[1]}\r\n"
                f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
            ).encode()
            with socket.create_connection((url.host, url.port or 0), timeout=20) as connection:
                connection.sendall(head + body[:10])
                service.signal(signal.SIGTERM)
                poll(lambda: refuses(url))
                connection.sendall(body[10:])
                answer = connection.recv(4096)
            assert b" 201 " in answer
            assert service.wait() == 0

    def test_an_impatient_ctrl_c_ends_it_as_cleanly(self, on_database: Command) -> None:
        """The second one waits for no open request; the application ends its tasks all the same."""
        with serving(on_database) as service:
            key = re.search(r"X-API-Key: (\w+)", first_curl(service))
            assert key is not None
            url = httpx.URL(service.url)
            head = (
                f"POST /report HTTP/1.1\r\nHost: {url.host}\r\nX-API-Key: {key[1]}\r\n"
                "Content-Length: 99\r\n\r\n"
            )
            with socket.create_connection((url.host, url.port or 0), timeout=20) as connection:
                connection.sendall(head.encode())
                time.sleep(0.2)
                begun = time.monotonic()
                for _ in range(3):
                    service.signal(signal.SIGINT)
                    time.sleep(0.05)
                assert service.wait() == 0
                assert time.monotonic() - begun < 5
            assert "Traceback" not in service.stderr.rest()
            assert "service_stopped" in service.stdout.rest()


def children(pid: int) -> list[int]:
    """The worker processes of a service, without the multiprocessing module's own helper."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            found.append(int(child))
    return found


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def refuses(url: httpx.URL) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((url.host, url.port)) != 0


class TestRefusals:
    def test_a_port_that_is_taken_is_one_line(self, on_database: Command) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = str(other.getsockname()[1])
            done = on_database.run("serve", "--port", port)
        assert done.returncode == 3
        assert re.fullmatch(rf"avalon serve: port {port} on 127.0.0.1 is taken: .*--port.*\n", done.stderr)

    def test_an_address_of_another_machine_is_one_line(self, on_database: Command) -> None:
        done = on_database.run("serve", "--host", "192.0.2.1", "--port", "0")
        assert done.returncode == 3
        assert "no address of this machine" in done.stderr

    def test_the_published_password_needs_loopback(self, on_database: Command) -> None:
        done = on_database.run("serve", "--host", "0.0.0.0", AVALON_ADMIN_PASSWORD="passwordAdmin")
        assert done.returncode == 2
        assert "AVALON_ADMIN_PASSWORD" in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_it_waits_for_postgres_and_says_so(self, tmp_path: Path) -> None:
        command = Command(tmp_path, DATABASE_URL="postgresql://a:geheim@127.0.0.1:1/x")
        with command.start("serve", "--port", "0") as running:
            line = running.stderr.wait_for("waiting for Postgres")
            assert "refused" in line
            running.signal(signal.SIGTERM)
            assert running.wait() == 143
            assert "Traceback" not in running.stderr.rest()
            assert "geheim" not in "\n".join(running.stderr.seen)

    def test_a_newer_schema_that_has_left_us_behind_is_refused(
        self, on_database: Command, urls: Urls
    ) -> None:
        with psycopg.connect(urls.owner) as connection:
            connection.execute("UPDATE runtime.release SET version = '99.0.0', oldest_working = '98.0.0'")
        done = on_database.run("serve", "--port", "0")
        assert done.returncode == 3
        assert "99.0.0" in done.stderr
        assert "Traceback" not in done.stderr
