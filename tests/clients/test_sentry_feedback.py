"""What the real SDKs send beside events: feedback becomes comments, and what they dropped is shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.clients.conftest import run_python
from tests.clients.node import run_node
from tests.conftest import Server

NODE = """
import * as Sentry from '@sentry/node';
const beforeSend = (event) => (event.message === 'no' ? null : event);
Sentry.init({ dsn: process.env.DSN, environment: 'prod', beforeSend });
const id = Sentry.captureException(new Error('the basket is gone'));
const said = { message: 'I had three teapots in it', name: 'Jane', email: 'jane@example.org' };
Sentry.captureFeedback({ ...said, associatedEventId: id });
Sentry.captureFeedback({ message: 'Nice shop', url: 'https://shop.example/thanks' });
Sentry.captureMessage('no');
await Sentry.flush(5000);
"""
PYTHON = """
import os, sentry_sdk
sentry_sdk.init(os.environ["DSN"], before_send=lambda event, hint: None)
for number in range(3):
    sentry_sdk.capture_message(f"number {number}")
sentry_sdk.flush(5)
"""


def a_dsn(server: Server) -> str:
    return server.url.replace("://", f"://{server.key}@") + "/1"


async def drops(server: Server, admin: httpx.AsyncClient) -> dict[tuple[str, str], int]:
    """What the SDK says that it dropped."""
    await server.services.drops.flush()
    items = (await admin.get("/api/drops")).raise_for_status().json()["items"]
    return {(item["category"], item["reason"]): item["quantity"] for item in items if item["by"] == "sdk"}


async def history(admin: httpx.AsyncClient, error: dict[str, Any]) -> list[dict[str, Any]]:
    items = (await admin.get(f"/api/issues/{error['issue']['id']}/history")).json()["items"]
    return [item for item in items if item["type"] == "issue.commented"]


async def test_feedback_of_node(server: Server, admin: httpx.AsyncClient, tmp_path: Path) -> None:
    done = await asyncio.to_thread(run_node, tmp_path, NODE, DSN=a_dsn(server))
    assert done.returncode == 0, done.stderr
    found = (await admin.get("/api/errors")).json()["items"]
    by_message = {item["message"]: item for item in found}
    assert by_message.keys() == {"the basket is gone", "Nice shop"}
    (item,) = await history(admin, by_message["the basket is gone"])
    assert (item["text"], item["name"], item["email"]) == (
        "I had three teapots in it",
        "Jane",
        "jane@example.org",
    )
    alone = by_message["Nice shop"]
    assert (alone["type"], alone["level"], alone["path"], alone["environment"]) == (
        "User feedback",
        "info",
        "/thanks",
        "prod",
    )
    assert await drops(server, admin) == {("error", "before_send"): 1}


async def test_what_pythons_sdk_dropped(server: Server, admin: httpx.AsyncClient, tmp_path: Path) -> None:
    done = await asyncio.to_thread(run_python, tmp_path, PYTHON, DSN=a_dsn(server))
    assert (done.returncode, done.stderr) == (0, "")
    assert await drops(server, admin) == {("error", "before_send"): 3}
    assert (await admin.get("/api/errors")).json()["items"] == []
