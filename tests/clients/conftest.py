"""A real replica that real clients send to: one a module, because their processes take their time anyway."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import conftest
from tests.acceptance.command import DEADLINE_S, Command, Running
from tests.browser.conftest import FLAGS, find_chromium

PASSWORD = "correct horse battery staple"


class Served:
    """The replica as clients know it: its address, a key and an API to look at what has arrived."""

    def __init__(self, running: Running, url: str, key: str, api: httpx.Client, urls: conftest.Urls) -> None:
        self.running = running
        self.url = url
        self.key = key
        self.api = api
        self.urls = urls

    def dsn(self, key: str = "") -> str:
        """What an SDK is given."""
        return f"{self.url.replace('://', f'://{key or self.key}@')}/1"

    def new_key(self, service: str, **fields: Any) -> str:
        """A key of a service of the test's own, so that tests do not see each other's reports."""
        answer = self.api.post("/api/keys", json={"name": service, "service": service, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    def reports(self, service: str, count: int = 1) -> list[dict[str, Any]]:
        """The whole reports of a service, oldest first, as soon as there are so many."""
        params: dict[str, str | int] = {"service": service, "limit": 200}

        def found() -> list[dict[str, Any]]:
            items = self.api.get("/api/errors", params=params).json()["items"]
            return items if len(items) >= count else []

        items = eventually(found, f"{count} reports of {service}")
        return [self.api.get(f"/api/errors/{item['id']}").json() for item in reversed(items)]


def eventually(look: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """What `look` gives as soon as it gives something."""
    end = time.monotonic() + deadline_s
    while not (found := look()):
        assert time.monotonic() < end, f"there never was {what}"
        time.sleep(0.02)
    return found


def run_python(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, as an application would be: the module's source in a file `app.py`."""
    (folder / "app.py").write_text(source)
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


@pytest.fixture(scope="module")
def served(
    cluster: str, template: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A replica over a database of the module's own."""
    module = request.module.__name__.rpartition(".")[2]
    name = f"{template}_{module}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        conftest._create(connection, name, template)
    urls = conftest._urls(cluster, name)
    settings = {
        "DATABASE_URL": urls.service,
        "DATABASE_OWNER_URL": urls.owner,
        "AVALON_ADMIN_PASSWORD": PASSWORD,
    }
    folder = tmp_path_factory.mktemp(module)
    with Command(folder, **settings).start("serve", "--port", "0") as running:
        url = re.findall(r"http://\S+", running.stderr.wait_for("Avalon listens"))[0]
        key = re.findall(r"avl_\w+", running.stderr.wait_for("X-API-Key"))[0]
        with httpx.Client(base_url=url, timeout=DEADLINE_S) as api:
            answer = api.post("/api/auth/login", json={"username": "admin", "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            api.cookies.clear()
            api.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            yield Served(running, url, key, api, urls)
    conftest._drop(cluster, name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium, as tests/browser has one for each test."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium; scripts/test says how to get one")
    flags = [*FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        yield browser
        browser.close()
