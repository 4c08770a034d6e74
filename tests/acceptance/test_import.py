"""`avalon import sentry-export` as a process: what it says, and what is left where it is killed."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from tests.acceptance.command import DEADLINE_S, Command
from tests.conftest import Server, Urls
from tests.history import ago

EVENTS = 2_000


@pytest.fixture
def command(urls: Urls, tmp_path: Path) -> Command:
    return Command(tmp_path, DATABASE_URL=urls.service, DATABASE_OWNER_URL=urls.owner)


def an_event(number: int) -> dict[str, Any]:
    frame = {"function": "pay", "filename": "shop.py", "lineNo": number % 7, "context": [], "inApp": True}
    error = {"type": "KeyError", "value": f"order {number}", "stacktrace": {"frames": [frame]}}
    return {
        "eventID": UUID(int=number + 1).hex,
        "dateCreated": ago(days=number % 20, hours=1).isoformat(),
        "tags": [{"key": "level", "value": "error"}],
        "entries": [{"type": "exception", "data": {"values": [error]}}],
    }


def lines(events: int) -> str:
    return "".join(json.dumps(an_event(number)) + "\n" for number in range(events))


def count(urls: Urls) -> tuple[int, int]:
    """Reports in the log, and different ids among them."""
    with psycopg.connect(urls.owner) as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT id) FROM log.event WHERE type = 'error.reported'"
        ).fetchone()
    assert row
    return row[0], row[1]


def numbers(said: str) -> list[int]:
    """Imported, already there, too old, bad."""
    match = re.search(
        r"([\d,]+) events? imported, ([\d,]+) already there, ([\d,]+) too old, ([\d,]+) bad", said
    )
    assert match, said
    return [int(number.replace(",", "")) for number in match.groups()]


def test_killed_in_the_middle_it_goes_on_where_it_was_and_stores_nothing_twice(
    command: Command, urls: Urls
) -> None:
    file = command.folder / "events.jsonl"
    file.write_text(lines(EVENTS))
    # It can't come to the end before it is killed: that is not in the pipe.
    with started(command) as process:
        assert process.stdin
        process.stdin.write(lines(EVENTS // 2))
        process.stdin.flush()
        while not count(urls)[0]:
            assert process.poll() is None
        process.kill()
        process.wait(DEADLINE_S)
    killed_at, _ = count(urls)
    run = ("import", "sentry-export", file.name, "--service", "shop")
    again = command.run(*run)
    assert again.returncode == 0, again.stderr
    assert numbers(again.stderr) == [EVENTS - killed_at, killed_at, 0, 0]
    assert count(urls) == (EVENTS, EVENTS)
    assert numbers(command.run(*run).stderr) == [0, EVENTS, 0, 0]
    assert command.run("verify").returncode == 0


def started(command: Command) -> subprocess.Popen[str]:
    """An import of what comes by standard input, which stays open."""
    arguments = [sys.executable, "-m", "avalon", "import", "sentry-export", "-", "--service", "shop"]
    pipe: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(arguments, cwd=command.folder, env=command.environment, text=True, **pipe)


def test_interrupted_while_it_waits_for_more_it_ends_and_says_what_it_did(command: Command) -> None:
    with started(command) as process:
        assert process.stdin and process.stderr
        process.stdin.write("rubbish\n" + "\n" * 300_000)
        process.stdin.flush()  # returns when most of it was read
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 130
        assert "stopped: 0 events imported" in process.stderr.read()


def test_it_names_what_is_bad_and_takes_the_rest(command: Command, urls: Urls) -> None:
    old = an_event(9) | {"dateCreated": ago(days=400).isoformat()}
    text = f"{lines(2)}rubbish\x1b[2J\n{json.dumps(old)}\n{json.dumps({'eventID': 'x'})}\n"
    (command.folder / "a.gz").write_bytes(gzip.compress(text.encode()))
    found = command.run(
        "import", "sentry-export", "a.gz", "-", "--service", "shop", stdin=json.dumps([an_event(3)])
    )
    assert found.returncode == 1
    assert numbers(found.stderr) == [3, 0, 1, 2]
    assert "a.gz, line 3: " in found.stderr and "a.gz, line 5: only an outline" in found.stderr
    assert "older than AVALON_RETENTION_DAYS (90) left out" in found.stderr
    assert "\x1b" not in found.stderr and "Traceback" not in found.stderr
    assert count(urls) == (3, 3)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("none.jsonl", "--service", "shop"), 3, "none.jsonl"),
        ((".", "--service", "shop"), 2, "is a folder"),
        (("-",), 2, "--service --key"),
        (("-", "--service", "a<b"), 2, "service: must be"),
        (("-", "--key", "avl_nonsense"), 3, "this API key is not known"),
    ],
    ids=["no-file", "folder", "no-service", "bad-service", "bad-key"],
)
def test_a_wrong_command_line_stores_nothing(
    command: Command, urls: Urls, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    found = command.run("import", "sentry-export", *arguments, stdin=lines(1))
    assert (found.returncode, reason in found.stderr) == (code, True), found.stderr
    assert count(urls) == (0, 0)


async def test_a_key_gives_the_service_and_its_rules_beside_a_running_service(
    server: Server, admin: httpx.AsyncClient, urls: Urls, tmp_path: Path
) -> None:
    body = {"name": "a", "service": "shop", "scrub_fields": ["plan"]}
    key = (await admin.post("/api/keys", json=body)).raise_for_status().json()["key"]
    command = Command(tmp_path, DATABASE_URL=urls.service, DATABASE_OWNER_URL=urls.owner)
    event = an_event(1) | {"user": {"id": "1", "plan": "gold"}}
    done = command.run("import", "sentry-export", "-", "--key", key, stdin=json.dumps(event))
    assert (done.returncode, numbers(done.stderr)) == (0, [1, 0, 0, 0]), done.stderr
    listed = (await admin.get("/api/errors")).json()["items"]
    found = (await admin.get(f"/api/errors/{listed[0]['id']}")).json()
    assert (found["service"], found["user"]) == ("shop", {"id": "1", "plan": "[Filtered]"})
    assert found["exceptions"][0]["type"] == "KeyError"
