"""The operator's commands, as processes on a real database."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon import event_store
from avalon.database import Database
from avalon.events import REPORTED, NewEvent, uuid7
from tests.acceptance.command import ROOT, Command
from tests.conftest import Urls

NASTY = "boom\x1b[2J\u202e\u009b31m\n\x07second line"


@pytest.fixture
def command(urls: Urls, tmp_path: Path) -> Command:
    return on_database(tmp_path, urls)


def on_database(folder: Path, urls: Urls, **settings: str) -> Command:
    return Command(folder, DATABASE_URL=urls.service, DATABASE_OWNER_URL=urls.owner, **settings)


def a_report(message: str = "boom", service: str = "api", level: str = "error") -> NewEvent:
    data = {"message": message, "exceptions": [{"type": "TypeError"}], "method": "GET", "path": "/x"}
    return NewEvent(
        id=uuid7(),
        type=REPORTED,
        stream=UUID(int=1),
        service=service,
        level=level,
        actor=f"key:{UUID(int=9)}",
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


def test_help_teaches_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    command = Command(tmp_path)
    overview = command.run("--help")
    assert overview.returncode == 0
    names = re.findall(r"^  ([a-z-]+) {2,}\S", overview.stdout, re.MULTILINE)
    assert {"serve", "migrate", "rebuild", "verify", "purge", "tail", "create-user", "doctor"} < set(names)
    assert "exit codes:" in overview.stdout
    for name in ("migrate", "verify", "tail", "create-user", "doctor", "psql", "report", "run", "serve"):
        shown = command.run(name, "--help")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout.startswith(f"usage: avalon {name}")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, ""),
        (("verfy",), 2, "did you mean `avalon verify`?"),
        (("tail", "--nope"), 2, "unrecognized arguments: --nope"),
        (("tail", "--level", "loud"), 2, "invalid choice: 'loud'"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = Command(tmp_path).run(*arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.parametrize("name", ["migrate", "verify", "rebuild", "purge", "tail"])
def test_a_postgres_that_is_away_is_one_line(tmp_path: Path, name: str) -> None:
    done = Command(tmp_path, DATABASE_URL="postgresql://a:geheim@127.0.0.1:1/x").run(name)
    assert done.returncode == 3
    assert done.stderr.startswith(f"avalon {name}: ")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "geheim" not in done.stderr


@pytest.mark.parametrize("arguments", ["verify", "rebuild", "purge", "tail", "create-user kim"])
def test_a_database_without_a_schema_says_what_to_run(
    empty_urls: Urls, tmp_path: Path, arguments: str
) -> None:
    done = on_database(tmp_path, empty_urls).run(*arguments.split())
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "avalon migrate" in done.stderr


@pytest.mark.parametrize("name", ["verify", "tail", "psql", "create-user eva"])
def test_no_command_makes_a_database_in_a_folder_without_one(tmp_path: Path, name: str) -> None:
    done = Command(tmp_path).run(*name.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert str(tmp_path / ".avalon") in done.stderr
    assert "go to the folder where the service starts" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path) -> None:
    done = Command(tmp_path, DATABASE_URL="mysql://x").run("verify")
    assert done.returncode == 2
    assert done.stderr.startswith("avalon verify: DATABASE_URL: ")


def test_migrate_makes_the_schema_and_then_has_nothing_to_do(empty_urls: Urls, tmp_path: Path) -> None:
    command = on_database(tmp_path, empty_urls)
    first = command.run("migrate")
    assert first.returncode == 0, first.stderr
    assert "migration 0001_log" in first.stderr
    again = command.run("migrate")
    assert again.returncode == 0
    assert "up to date" in again.stderr
    assert command.run("verify").returncode == 0


async def test_verify_finds_what_rebuild_mends(
    command: Command, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    await event_store.append(database, [a_report() for _ in range(3)])
    done = command.run("verify")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no difference (4 events replayed)" in done.stderr

    await owner.execute("UPDATE projection.hour_count SET reports = 99, environment = E'a\\u001b[31m'")
    done = command.run("verify")
    assert done.returncode == 1
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["hour_count", "wrong"], ["hour_count", "missing"]]
    assert [json.loads(row[2])["reports"] for row in rows] == [99, 3]
    assert "\x1b" not in done.stdout

    assert command.run("rebuild").returncode == 0
    assert command.run("verify").returncode == 0


def test_a_user_is_made_with_a_password_that_is_shown_once(command: Command, urls: Urls) -> None:
    done = command.run("create-user", "zoe", "--role", "member")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) >= 15
    with psycopg.connect(urls.owner) as connection:
        stored = connection.execute(
            "SELECT a.username, u.role, u.must_change_password, a.password_hash"
            " FROM account.app_user AS a JOIN projection.app_user AS u USING (id)"
        ).fetchone()
    assert stored is not None
    assert stored[:3] == ("zoe", "member", True)
    assert done.stdout.strip() not in stored[3]

    taken = command.run("create-user", "ZOE")
    assert (taken.returncode, taken.stdout) == (3, "")
    assert "taken" in taken.stderr


def test_a_password_from_standard_input_is_taken_and_not_printed(command: Command) -> None:
    done = command.run("create-user", "kim", "--password-stdin", stdin="correct horse battery staple\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert "horse" not in done.stderr
    short = command.run("create-user", "lee", "--password-stdin", stdin="short\n")
    assert short.returncode == 2


def test_psql_works_as_the_owner_or_who_is_named_and_shows_nobody_the_password(
    command: Command, tmp_path: Path
) -> None:
    done = command.run("psql", "-At", "-c", "SELECT current_user")
    assert (done.returncode, done.stdout) == (0, "avalon\n"), done.stderr
    other = command.run("psql", "-U", "avalon_reporting", "-At", "-c", "SELECT current_user")
    assert (other.returncode, other.stdout) == (0, "avalon_reporting\n"), other.stderr
    failed = command.run("psql", "-v", "ON_ERROR_STOP=1", "-c", "SELEC")
    assert failed.returncode == 1
    with command.start("psql", "-c", "SELECT pg_sleep(30)") as running:
        arguments = ""
        while "pg_sleep" not in arguments or "psql" not in arguments.split("\0")[0]:
            arguments = Path(f"/proc/{running.pid}/cmdline").read_text()
        assert "only-for-tests" not in arguments


async def test_tail_follows_and_escapes(command: Command, database: Database) -> None:
    (before,) = await event_store.append(database, [a_report("from before")])
    with command.start("tail", "--after", str(before.position - 1)) as tail:
        tail.stdout.wait_for("from before")
        await event_store.append(database, [a_report(NASTY, level="fatal")])
        line = tail.stdout.wait_for("boom")
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ fatal +api  TypeError: boom", line)
        assert "second line" in line
        assert "(GET /x)" in line
        assert line.isprintable()
        tail.signal(signal.SIGINT)
        assert tail.wait() == 130
        assert tail.stderr.rest() == ""


async def test_tail_shows_what_is_wanted_and_nothing_that_was_deleted(
    command: Command, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    (deleted,) = await event_store.append(database, [a_report("deleted")])
    await owner.execute(
        "INSERT INTO projection.deleted_report SELECT position, recorded_at FROM log.event"
        " WHERE position = %s",
        [deleted.position],
    )
    await event_store.append(
        database,
        [
            a_report("another service", "web", "fatal"),
            a_report("another level", "api", "info"),
            a_report("wanted " + NASTY, "api", "fatal"),
        ],
    )
    with command.start("tail", "--json", "--service", "api", "--level", "fatal", "--after", "0") as tail:
        line = tail.stdout.wait_for("{")
        assert line.isprintable()
        event = json.loads(line)
        assert event["data"]["message"] == "wanted " + NASTY
        assert datetime.fromisoformat(event["recorded_at"]).tzinfo == UTC
    with command.start("tail", "--service", "api", "--after", "0") as tail:
        assert "another level" in tail.stdout.wait_for("#")
        assert "wanted" in tail.stdout.wait_for("#")


def test_tail_says_when_a_position_is_older_than_what_is_kept(command: Command) -> None:
    done = command.run("tail", "--after", "12345")
    assert done.returncode == 3
    assert "older than what is kept" in done.stderr


def test_a_reader_that_has_had_enough_is_no_error(command: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "avalon", "--help"],
            cwd=ROOT,
            env=command.environment,
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_purge_says_what_it_did(command: Command) -> None:
    done = command.run("purge")
    assert done.returncode == 0, done.stderr
    assert "0 reports purged" in done.stderr


class TestDoctor:
    def test_on_a_database_it_says_what_is_good(self, command: Command) -> None:
        done = command.run("doctor", AVALON_PORT="0")
        faults = [line for line in done.stdout.splitlines() if line.startswith("✗")]
        assert [
            line for line in faults if "fsync" not in line
        ] == []  # the tests' own server may be fast and loose
        assert done.returncode == (1 if faults else 0)
        for words in (
            "Postgres 1",
            "notifications arrive",
            "the schema fits",
            "with fewer rights",
            "retention",
        ):
            assert re.search(rf"^[✓!] .*{words}", done.stdout, re.MULTILINE), words

    def test_without_a_schema_it_says_what_to_run(self, empty_urls: Urls, tmp_path: Path) -> None:
        done = on_database(tmp_path, empty_urls).run("doctor", AVALON_PORT="0")
        assert done.returncode == 1
        assert re.search(r"^✗ .*no schema.*avalon migrate", done.stdout, re.MULTILINE)

    def test_without_postgres_it_says_so(self, tmp_path: Path) -> None:
        done = Command(tmp_path, DATABASE_URL="postgresql://a:geheim@127.0.0.1:1/x").run(
            "doctor", AVALON_PORT="0"
        )
        assert done.returncode == 1
        assert "✗ Postgres can't be used" in done.stdout
        assert "geheim" not in done.stdout + done.stderr
        assert done.stderr == ""

    def test_a_port_that_is_taken_is_a_fault(self, command: Command) -> None:
        from avalon.cli.port import take_port

        with take_port("127.0.0.1", 0) as taken:
            taken.listen()
            done = command.run("doctor", AVALON_PORT=str(taken.getsockname()[1]))
        assert done.returncode == 1
        assert re.search(r"^✗ port \d+ on 127.0.0.1 is taken", done.stdout, re.MULTILINE)

    def test_a_log_file_that_is_a_folder_is_a_fault(self, command: Command, tmp_path: Path) -> None:
        done = command.run("doctor", AVALON_PORT="0", AVALON_LOG_FILE=str(tmp_path))
        assert done.returncode == 1
        assert "is a folder" in done.stdout

    def test_a_webhook_of_another_host_is_not_called(self, command: Command) -> None:
        url = "http://127.0.0.1:9/api/webhooks/1/secretsecret"
        done = command.run("doctor", AVALON_PORT="0", DISCORD_WEBHOOK_URL=url)
        assert done.returncode == 1
        assert re.search(r"^✗ webhook DISCORD_WEBHOOK_URL", done.stdout, re.MULTILINE)
        assert "secretsecret" not in done.stdout

    async def test_a_day_that_should_be_gone_is_seen(
        self, command: Command, owner: psycopg.AsyncConnection[Any]
    ) -> None:
        await owner.execute("SELECT log.create_day('2020-01-01')")
        done = command.run("doctor", AVALON_PORT="0")
        assert re.search(r"^! retention is behind: 1 day to drop", done.stdout, re.MULTILINE)
