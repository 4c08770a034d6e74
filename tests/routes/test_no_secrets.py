"""Keys, passwords, tokens and webhooks are made, used and misused; then everything that was said is searched.

Searched are the answers of every door, the live stream, the log file, standard output and error, the metrics
and all that is in the event log. Shown are only the answers that are meant to: a new key, a login's token.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from avalon.auth.tokens import shared_key
from avalon.protocols import submission
from avalon.read_models import log as read_log
from tests.conftest import ADMIN_PASSWORD, PASSWORD, Server, Urls, running, settings_for
from tests.faults.ledger import until
from tests.routes.doors import SAFE, doors

DEADLINE_S = 10.0
WEBHOOK_TOKEN = "dJ8sQ1vX0nSecretOfTheWebhook"
USERS_PASSWORD, NEXT_PASSWORD, WRONG_PASSWORD = (
    "a user's own password",
    "the password after it",
    "a wrong guess",
)


class Story:
    """What must not be said, by name, and what was said, by where."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.secrets = {
            "the admin's password": ADMIN_PASSWORD,
            "a user's password": USERS_PASSWORD,
            "a new password": NEXT_PASSWORD,
            "a wrong password": WRONG_PASSWORD,
            "the webhook": WEBHOOK_TOKEN,
            "Postgres's password": PASSWORD,
            "a password's hash": "$argon2",
        }
        self.said: dict[str, str] = {}

    def add_key(self, name: str, key: str) -> None:
        self.secrets |= {name: key, f"{name}, hashed": sha256(key.encode()).hexdigest()}

    def add_token(self, name: str, token: str) -> None:
        self.secrets |= {name: token, f"{name}'s signature": token.rpartition(".")[2]}

    def note(self, answer: httpx.Response) -> httpx.Response:
        where = f"{answer.request.method} {answer.request.url.path} {answer.status_code} {len(self.said)}"
        self.said[where] = f"{answer.headers}\n{answer.text}"
        return answer

    def leaks(self) -> set[tuple[str, str]]:
        """Which secret was said where."""
        return {
            (name, where)
            for name, secret in self.secrets.items()
            for where, text in self.said.items()
            if secret in text
        }


@pytest.fixture
async def webhook() -> AsyncIterator[str]:
    """`host:port` of something that knows no webhook."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1") as listening:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@pytest.fixture
async def server(urls: Urls, tmp_path: Path, webhook: str) -> AsyncIterator[Server]:
    async with running(settings_for(urls, tmp_path, AVALON_WEBHOOK_ALLOWED_HOSTS=webhook)) as found:
        # The first connection starts the log's first epoch, which sends readers back to its beginning.
        await until(lambda: found.services.listener.state == "listening")
        await found.services.hub.now()
        yield found


async def live_through(server: Server, webhook: str) -> Story:
    story = Story(server)
    story.add_key("the first key", server.key)
    secret = await shared_key(server.services.database)
    story.secrets |= {"the JWT key": secret.hex()}
    token = await server.login()
    story.add_token("a session", token)
    async with server.client(headers={"Authorization": f"Bearer {token}"}, timeout=30) as admin:
        stream = asyncio.create_task(_listen(server, token))
        ids = await _work(story, admin, webhook)
        await _misuse(story, admin)
        await _read_all(story, admin, ids)
        story.said["the live stream"] = await stream
    await _read_the_rest(story)
    return story


async def _work(story: Story, admin: httpx.AsyncClient, webhook: str) -> dict[str, str]:
    """Makes one of everything; the ids."""
    made = (await admin.post("/api/keys", json={"name": "n", "service": "shop"})).json()
    story.add_key("a key", made["key"])
    rotated = await admin.post(f"/api/keys/{made['id']}/rotate", json={"overlap_seconds": 60})
    story.add_key("a rotated key", rotated.json()["key"])
    url = f"http://{webhook}/api/webhooks/123456789012345678/{WEBHOOK_TOKEN}"
    sink = story.note(await admin.post("/api/sinks", json={"url": url, "name": "team"})).json()
    story.note(await admin.put("/api/settings", json={"discord_webhook_url": url}))
    story.note(await admin.post(f"/api/sinks/{sink['id']}/test"))
    fields = {"username": "ada", "role": "member", "password": USERS_PASSWORD}
    user = story.note(await admin.post("/api/users", json=fields)).json()
    await _change_password(story)
    report = {
        "error": {
            "message": f"refused: {made['key']}",
            "stack": f"Authorization: Bearer {story.secrets['a session']}\n  at login",
        },
        "level": "critical",
        "metadata": {"password": USERS_PASSWORD, "headers": {"x-api-key": rotated.json()["key"]}},
        made["key"]: "a key's name",
    }
    headers = {"X-API-Key": made["key"]}
    error = story.note(await admin.post("/report", json=report, headers=headers)).json()
    return {"key": made["id"], "sink": sink["id"], "user": user["id"], "id": error["id"]} | {
        "position": str(error["position"])
    }


async def _change_password(story: Story) -> None:
    token = await story.server.login("ada", USERS_PASSWORD)
    story.add_token("a user's session", token)
    change = {"current_password": USERS_PASSWORD, "new_password": NEXT_PASSWORD}
    async with story.server.client(headers={"Authorization": f"Bearer {token}"}) as ada:
        answer = await ada.put("/api/auth/profile", json=change)
        assert answer.status_code == 200
        story.add_token("a new session", answer.json()["token"])


async def _misuse(story: Story, admin: httpx.AsyncClient) -> None:
    """Requests that fail while they carry secrets, in every place where one could be."""
    key, token = story.secrets["a key"], story.secrets["a session"]
    login = {"username": "ada", "password": WRONG_PASSWORD}
    story.note(await admin.post("/api/auth/login", json=login))
    story.note(await admin.post("/api/auth/login", json=login | {"more": NEXT_PASSWORD}))
    story.note(
        await admin.put("/api/auth/profile", json={"current_password": WRONG_PASSWORD, "new_password": ""})
    )
    story.note(
        await admin.post("/api/users", json={"username": "b", "role": USERS_PASSWORD, "password": "x"})
    )
    story.note(await admin.post("/api/sinks", json={"url": f"http://10.0.0.1/{WEBHOOK_TOKEN}"}))
    story.note(await admin.post("/api/sinks", json={"url": f"https://discord.com/{WEBHOOK_TOKEN}"}))
    story.note(await admin.post("/report", content=f"[{key}", headers={"X-API-Key": key}))
    story.note(await admin.post("/report", json={"error": {}}, headers={"X-API-Key": key[:-1] + "?"}))
    story.note(await admin.post(f"/report?key={key}", content=b"{"))
    story.note(await admin.get(f"/api/errors?cursor={key}&token={token}"))
    story.note(await admin.get("/api/auth/me", headers={"Authorization": f"Bearer {token}x"}))


async def _read_all(story: Story, admin: httpx.AsyncClient, ids: dict[str, str]) -> None:
    for door in doors():
        if door.method in SAFE and door.template != "/api/stream":
            path = re.sub(r"{(\w+)}", lambda name: ids.get(name[1], "x"), door.template)
            story.note(await admin.request(door.method, path))
    for path in ("/api/log?limit=200", "/api/errors?q=refused", "/metrics"):
        story.note(await admin.get(path))


async def _listen(server: Server, token: str) -> str:
    """The live stream from the log's beginning, as an admin sees it, until the report has come."""
    said = ""
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(server.url.replace("http", "ws") + "/ws", additional_headers=headers) as socket:
        await socket.send(json.dumps({"type": "subscribe", "after": 0}))
        async with asyncio.timeout(DEADLINE_S):
            while "error:new" not in said:
                said += str(await socket.recv())
    return said


async def _read_the_rest(story: Story) -> None:
    """The log file and the tables; the log's facts hold a key's hash, and are meant to."""
    file = story.server.settings.log_file
    assert file is not None
    async with asyncio.timeout(DEADLINE_S):
        while not (file.exists() and "refused" in file.read_text()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    story.said["the log file"] = file.read_text()
    rows = await story.server.services.database.fetch_dicts("SELECT e::text AS event FROM log.event AS e")
    hashes = [secret for name, secret in story.secrets.items() if name.endswith(", hashed")]
    text = "\n".join(row["event"] for row in rows)
    for known in hashes:
        text = text.replace(known, "")
    story.said["the event log"] = text


async def test_nothing_that_is_said_holds_a_secret(
    server: Server, webhook: str, capfd: pytest.CaptureFixture[str]
) -> None:
    story = await live_through(server, webhook)
    printed = capfd.readouterr()
    story.said |= {"standard output": printed.out, "standard error": printed.err}
    assert story.leaks() == set()
    assert len(story.said) > 60
    assert '"action":"login_refused"' in printed.out


async def test_without_scrubbing_the_reports_tell(
    server: Server, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(submission, "clean_report", lambda report, _: report)
    story = await live_through(server, webhook)
    told = {name for name, _ in story.leaks()}
    assert {"a key", "a rotated key", "a session", "a user's password"} <= told
    assert {"the live stream", "the log file", "the event log"} <= {where for _, where in story.leaks()}


async def test_without_its_veil_the_log_tells(
    server: Server, webhook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control for the hashes."""
    monkeypatch.setattr(read_log, "SECRET_FIELDS", frozenset[Any]())
    story = await live_through(server, webhook)
    told = {name for name, where in story.leaks() if where.startswith("GET /api/log")}
    assert told == {"the first key, hashed", "a key, hashed", "a rotated key, hashed"}
