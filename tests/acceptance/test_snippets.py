"""The README's snippets, verbatim, in programs that really fail: each error is followed wherever it goes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from avalon.subscriptions.commands import DEFAULT_SINK
from tests.acceptance.command import DEADLINE_S
from tests.acceptance.readme import the_block
from tests.acceptance.replica import PASSWORD, Cluster, Live, Replica, cluster_of
from tests.acceptance.snippets import JAVASCRIPT, PYTHON, Program
from tests.clients.node import NODE
from tests.conftest import Urls
from tests.sinks.fake_discord import FakeDiscord

TOLD = ("fatal", "critical")


class Ended:
    """What a program left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


async def run(folder: Path, replica: Replica, key: str, *command: str, **settings: str) -> Ended:
    environment = {"PATH": os.environ["PATH"], "AVALON_URL": replica.url, "AVALON_API_KEY": key, **settings}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    return Ended(process.returncode or 0, out.decode(), err.decode())


def write(folder: Path, language: str, programs: list[Program]) -> dict[str, tuple[str, ...]]:
    """Puts the snippet and the programs into a folder; the command of each."""
    folder.mkdir()
    if language == "python":
        (folder / "avalon_report.py").write_text(the_block("python", "def report_error"))
        suffix, interpreter = "py", sys.executable
    else:
        (folder / "avalon.mjs").write_text(the_block("js"))
        suffix, interpreter = "mjs", NODE
    for program in programs:
        (folder / f"{program.name}.{suffix}").write_text(dedent(program.source))
    return {program.name: (interpreter, f"{program.name}.{suffix}") for program in programs}


@pytest.mark.parametrize(
    ("language", "programs"),
    [
        ("python", PYTHON),
        ("js", JAVASCRIPT),
    ],
    ids=["python", "javascript"],
)
async def test_each_error_arrives_in_the_database_the_feed_the_file_and_discord(
    urls: Urls, tmp_path: Path, language: str, programs: list[Program]
) -> None:
    commands = write(tmp_path / "app", language, programs)
    async with (
        FakeDiscord() as discord,
        following(urls, tmp_path, discord, discord.webhook()) as (cluster, replica, client),
    ):
        async with replica.live(client) as live:
            for program in programs:
                ended = await run(tmp_path / "app", replica, cluster.key, *commands[program.name])
                assert ended.code == program.exit_code, ended.err
                assert "not reported" not in ended.err
                if program.exit_code:
                    assert program.type in ended.err, "the program says what it would say without Avalon"
            expected = {program.message: program for program in programs}
            await live.wait_for(lambda live: set(expected) <= set(live.messages))
        check_feed(live, expected)
        await check_database(urls, live, expected)
        await check_api(client, live, expected)
        await check_file(tmp_path / "logs" / "errors.log", live)
        await check_discord(discord, live)


@asynccontextmanager
async def following(
    urls: Urls, folder: Path, discord: FakeDiscord, webhook: str
) -> AsyncIterator[tuple[Cluster, Replica, httpx.AsyncClient]]:
    """A replica with a log file, which may call this Discord, and somebody signed in."""
    settings = {
        "AVALON_LOG_FILE": "logs/errors.log",
        "DISCORD_WEBHOOK_URL": webhook,
        "AVALON_WEBHOOK_ALLOWED_HOSTS": discord.host,
    }
    async with cluster_of(urls, folder, **settings) as cluster:
        replica = await cluster.start()
        async with replica.signed_in() as client:
            yield cluster, replica, client


def check_feed(live: Live, expected: dict[str, Program]) -> None:
    assert len(live.errors) == len(expected), "each once"
    for item in live.errors:
        program = expected[item["message"]]
        assert item["service"] == "my-app"
        assert item["level"] == program.level
        for text in program.in_stack:
            assert text in item["stack"], item["stack"]
        if program.name == "deep":
            assert item["stack"].count("n - 1)") + item["stack"].count("at dive (") >= 200


async def check_database(urls: Urls, live: Live, expected: dict[str, Program]) -> None:
    query = "SELECT id::text, level, data ->> 'message' AS message, data FROM log.report ORDER BY position"
    async with await psycopg.AsyncConnection.connect(urls.superuser, row_factory=dict_row) as connection:
        rows = await (await connection.execute(query)).fetchall()
    assert [row["id"] for row in rows] == [item["id"] for item in live.errors]
    for row in rows:
        program = expected[row["message"]]
        assert row["level"] == program.level
        types = [exception["type"] for exception in row["data"].get("exceptions", [])]
        assert types == ([program.type] if program.type else [])
        if program.name == "caught":
            assert row["data"]["metadata"]["order"] == 17


async def check_api(client: httpx.AsyncClient, live: Live, expected: dict[str, Program]) -> None:
    for item in live.errors:
        report = (await client.get(f"/api/errors/{item['id']}")).json()
        assert report["message"] == item["message"]
        assert report["stack"] == item["stack"]
    listed = (await client.get("/api/errors?limit=200")).json()["items"]
    assert {item["message"] for item in listed} == set(expected)


async def check_file(file: Path, live: Live) -> None:
    text = await asyncio.to_thread(wait_for_lines, file, len(live.errors))
    assert "\u202e" not in text, "what turns a terminal's text is escaped"
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["id"] for line in lines] == [item["id"] for item in live.errors]
    assert [line["message"] for line in lines] == live.messages


def wait_for_lines(file: Path, count: int) -> str:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        text = file.read_text() if file.exists() else ""
        if text.count("\n") >= count:
            return text
        time.sleep(0.02)
    raise AssertionError(f"{file} never had {count} lines")


async def check_discord(discord: FakeDiscord, live: Live) -> None:
    told = {item["id"] for item in live.errors if item["level"] in TOLD}
    await discord.wait_for(lambda discord: len(discord.accepted) >= len(told), DEADLINE_S)
    assert discord.errors == [], "Discord refused nothing"
    assert {message.fields["ID"].strip("`") for message in discord.accepted} == told
    titles = " ".join(message.embed["title"] for message in discord.accepted)
    assert "FATAL" in titles
    assert "CRITICAL" in titles


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
async def test_the_curls_send_follow_and_set_the_webhook(urls: Urls, tmp_path: Path) -> None:
    login, _, stream = the_block("sh", "/api/stream").replace("PASSWORD=…", "").partition("curl -sN")
    put = the_block("sh", "/api/settings")
    make_key = the_block("sh", "/api/keys")
    make_rule = the_block("sh", "/api/rules").replace("SINK=…", f"SINK={DEFAULT_SINK}")
    async with (
        FakeDiscord() as discord,
        following(urls, tmp_path, discord, webhook="") as (cluster, replica, client),
    ):
        done = await run(
            tmp_path, replica, cluster.key, "bash", "-ec", the_block("sh", '"$AVALON_URL/report"')
        )
        stored = json.loads(done.out)
        assert stored["status"] == "ok"
        assert stored["url"] == f"{replica.url}/errors/{stored['id']}"
        settings = {"PASSWORD": PASSWORD, "DISCORD_WEBHOOK_URL": discord.webhook()}
        from_the_start = stream.replace('/api/stream"', '/api/stream?after=0"')
        follow = f"{login} curl -sN --max-time 2 {from_the_start}"
        heard = await run(tmp_path, replica, cluster.key, "bash", "-c", follow, **settings)
        assert f'"id":"{stored["id"]}"' in heard.out, heard.out + heard.err
        done = await run(tmp_path, replica, cluster.key, "bash", "-ec", login + put, **settings)
        made = await run(tmp_path, replica, cluster.key, "bash", "-ec", login + make_key, **settings)
        assert json.loads(made.out)["key"].startswith("avl_")
        ruled = await run(tmp_path, replica, cluster.key, "bash", "-ec", login + make_rule, **settings)
        assert json.loads(ruled.out)["threshold"] == 100
        shown = (await client.get("/api/settings")).json()
        assert "secret-token" not in done.out + json.dumps(shown), "a webhook is masked"
        await replica.report(cluster.key, "nothing works", level="critical")
        await discord.wait_for(lambda discord: bool(discord.accepted), DEADLINE_S)


async def test_a_program_whose_avalon_is_away_fails_as_it_would_without_it(tmp_path: Path) -> None:
    commands = write(tmp_path / "app", "python", PYTHON[:2])
    nowhere = {"PATH": os.environ["PATH"], "AVALON_URL": "http://127.0.0.1:9", "AVALON_API_KEY": "avl_x"}
    process = await asyncio.create_subprocess_exec(
        *commands["chained"], cwd=tmp_path / "app", env=nowhere, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert "not reported to Avalon" in err.decode()
    assert err.decode().rstrip().endswith("ValueError: the configuration has no host")
