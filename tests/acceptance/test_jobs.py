"""`avalon report` and `avalon run` against a service on loopback that may be slow, rude or absent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.acceptance.command import ROOT, Command

KEY = "avl_example"


class Collector(ThreadingHTTPServer):
    """Takes reports, and answers what it is told to; the real one is met in test_serve."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reports.append(report)
        self.server.keys.append(self.headers["X-API-Key"])
        stored = {"status": "ok", "id": report["id"], "position": 1, "url": f"{self.server.url}/errors/1"}
        status, answer = self.server.answers.pop(0) if self.server.answers else (201, stored)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def command(collector: Collector, tmp_path: Path) -> Command:
    return Command(tmp_path, AVALON_URL=collector.url, AVALON_API_KEY=KEY)


def wait_until_file(path: Path, deadline_s: float = 20) -> None:
    end = time.monotonic() + deadline_s
    while not path.exists():
        assert time.monotonic() < end, f"{path} was never made"
        time.sleep(0.01)


class TestReport:
    def test_it_sends_what_it_was_given_and_prints_the_address(
        self, command: Command, collector: Collector
    ) -> None:
        options = ["--level", "fatal", "--type", "DiskFull", "--stack", "-", "--tag", "disk=/dev/sda"]
        done = command.run("report", "no room left", *options, "--release", "1.2", stdin="at line 1\n")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{collector.url}/errors/1\n"
        (report,) = collector.reports
        assert report["error"] == {"message": "no room left", "type": "DiskFull", "stack": "at line 1\n"}
        assert (report["level"], report["release"], report["tags"]) == ("fatal", "1.2", {"disk": "/dev/sda"})
        assert collector.keys == [KEY]

    def test_settings_come_from_a_dotenv_file_too(self, tmp_path: Path, collector: Collector) -> None:
        (tmp_path / "key").write_text(f"{KEY}\n")
        (tmp_path / ".env").write_text(f"AVALON_URL={collector.url}/report\nAVALON_API_KEY_FILE=key\n")
        assert Command(tmp_path).run("report", "hello").returncode == 0
        assert collector.keys == [KEY]

    def test_a_retry_has_the_same_id(self, command: Command, collector: Collector) -> None:
        collector.answers = [(503, {"code": "unavailable", "message": "later"})]
        assert command.run("report", "hello").returncode == 0
        first, second = collector.reports
        assert first == second

    def test_what_is_refused_is_said_and_not_tried_again(
        self, command: Command, collector: Collector
    ) -> None:
        collector.answers = [(401, {"code": "key_inactive", "message": "the key is switched off"})]
        done = command.run("report", "hello")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"avalon report: {collector.url} says: the key is switched off (key_inactive)\n"
        assert len(collector.reports) == 1

    def test_without_a_key_it_says_what_to_set(self, tmp_path: Path) -> None:
        done = Command(tmp_path).run("report", "hello")
        assert done.returncode == 2
        assert "AVALON_API_KEY" in done.stderr


class TestRun:
    def test_a_job_that_works_is_left_alone(self, command: Command, collector: Collector) -> None:
        script = "cat; echo to stderr >&2"
        done = command.run("run", "--", "sh", "-c", script, stdin="through\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, "through\n", "to stderr\n")
        assert collector.reports == []

    def test_a_job_that_fails_is_reported_and_keeps_its_code(
        self, command: Command, collector: Collector
    ) -> None:
        done = command.run(
            "run", "--", "sh", "-c", "echo out; echo what went wrong >&2; exit 7", PASSWORD="x"
        )
        assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "what went wrong\n")
        (report,) = collector.reports
        assert report["error"]["message"].endswith("failed with exit code 7")
        assert report["error"]["message"].startswith("sh -c ")
        assert report["error"]["stack"] == "what went wrong\n"
        assert report["metadata"].keys() == {"command", "exit_code", "duration_s", "host"}
        assert report["metadata"]["exit_code"] == 7

    def test_a_job_that_a_signal_ended_says_which(self, command: Command, collector: Collector) -> None:
        assert command.run("run", "sh", "-c", "kill -9 $$").returncode == 137
        assert collector.reports[0]["error"]["message"].endswith("was ended by SIGKILL")

    @pytest.mark.parametrize(("job", "code"), [("/no/such/program", 127), ("/etc/passwd", 126)])
    def test_a_job_that_can_not_start_is_reported(
        self, command: Command, collector: Collector, job: str, code: int
    ) -> None:
        done = command.run("run", "--", job)
        assert done.returncode == code
        assert job in done.stderr
        assert job in collector.reports[0]["error"]["stack"]

    def test_signals_reach_the_job(self, command: Command, collector: Collector, tmp_path: Path) -> None:
        script = "trap 'echo told >&2; exit 4' TERM; touch ready; while :; do sleep 0.02; done"
        with command.start("run", "--", "sh", "-c", script) as running:
            wait_until_file(tmp_path / "ready")
            running.signal(signal.SIGTERM)
            assert running.wait() == 4
            running.stderr.wait_for("told")
        assert collector.reports[0]["metadata"]["exit_code"] == 4

    def test_the_end_of_a_long_stderr_is_kept(self, command: Command, collector: Collector) -> None:
        script = "import sys\nfor n in range(40000): print('line', n, file=sys.stderr)\nsys.exit(1)"
        done = command.run("run", "--", sys.executable, "-c", script)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 40000
        stack = collector.reports[0]["error"]["stack"].splitlines()
        assert stack[-1] == "line 39999"
        assert stack[0].startswith("line ")
        assert 60_000 < len("\n".join(stack)) <= 65_536

    def test_nobody_waits_for_what_the_job_leaves_behind(
        self, command: Command, collector: Collector, tmp_path: Path
    ) -> None:
        """And that goes on writing where it did, without dying of it."""
        left = "while [ ! -e go ]; do sleep 0.02; done; echo late >&2; touch written"
        done = subprocess.Popen(
            [sys.executable, "-m", "avalon", "run", "--", "sh", "-c", f"({left}) & exit 3"],
            cwd=tmp_path,
            env=command.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert done.wait(20) == 3
        assert len(collector.reports) == 1
        (tmp_path / "go").touch()
        wait_until_file(tmp_path / "written")
        assert done.stderr is not None
        with done.stderr:
            assert done.stderr.read() == b"late\n"

    def test_bytes_that_are_no_utf8_are_passed_on_and_reported(
        self, command: Command, collector: Collector
    ) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "avalon", "run", "--", "sh", "-c", b"printf '\\377' >&2; exit 1 # \xff"],
            cwd=ROOT,
            env=command.environment,
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (1, b"\xff")
        assert collector.reports[0]["error"]["stack"] == "\ufffd"

    @pytest.mark.parametrize(
        "setting",
        [
            {"AVALON_URL": "http://127.0.0.1:1"},
            {"AVALON_URL": "nonsense"},
            {"AVALON_API_KEY": ""},
            {"AVALON_API_KEY": "ä"},
        ],
    )
    def test_that_avalon_is_away_changes_nothing_for_the_job(
        self, command: Command, setting: dict[str, str]
    ) -> None:
        done = command.run("run", "--", "sh", "-c", "exit 5", **setting)
        assert done.returncode == 5
        assert done.stderr.startswith("avalon run: the failure could not be reported: ")
        assert len(done.stderr.splitlines()) == 1

    def test_without_a_command_it_says_how(self, command: Command) -> None:
        assert command.run("run").returncode == 2
        assert command.run("run", "--").returncode == 2

    def test_a_signal_that_is_ignored_stays_ignored(self, command: Command, tmp_path: Path) -> None:
        """As under nohup."""

        def ignore() -> None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        script = "touch ready; while [ ! -e go ]; do sleep 0.02; done"
        running = subprocess.Popen(
            [sys.executable, "-m", "avalon", "run", "--", "sh", "-c", script],
            cwd=tmp_path,
            env=command.environment,
            preexec_fn=ignore,
        )
        wait_until_file(tmp_path / "ready")
        os.kill(running.pid, signal.SIGHUP)
        (tmp_path / "go").touch()
        assert running.wait(20) == 0
