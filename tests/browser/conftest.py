"""A real Chromium in front of real replicas. Whatever the browser complains of fails the test."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import ConsoleMessage, Error, Locator, Page, async_playwright, expect

from tests.acceptance.command import DEADLINE_S
from tests.acceptance.replica import PASSWORD, Cluster, Replica, cluster_of
from tests.conftest import Urls

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
# Before anybody is signed in, the page asks who is, and the browser notes that it was told "nobody".
NOBODY = r"401 \(Unauthorized\).*/api/auth/me"
# A server that is away: the browser says so for each try.
AWAY = r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection to"

expect.set_options(timeout=DEADLINE_S * 1000 / 4)


class Visitor:
    """Somebody at a browser: the page, and what the browser complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.expected = [NOBODY]
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(re.search(one, said) for one in self.expected)]

    async def sign_in(self, replica: Replica, path: str = "/", password: str = PASSWORD) -> None:
        await self.page.goto(replica.url + path)
        await self.page.get_by_label("Username").fill("admin")
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def sees_heading(self, text: str) -> None:
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    async def is_live(self) -> None:
        await expect(self.badge).to_have_text("Live")

    @property
    def badge(self) -> Locator:
        return self.page.locator("#live")

    @property
    def messages(self) -> Locator:
        """What the rows say, from the top."""
        return self.page.locator("#errors .message")


def find_chromium() -> str | None:
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium; scripts/test says how to get one")
    flags = [*FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=flags)
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        visitor = Visitor(await context.new_page())
        try:
            yield visitor
        except Error as error:
            raise AssertionError(f"{error}\nthe browser says: {visitor.complaints}") from error
        finally:
            await browser.close()
    assert visitor.unexpected() == []


@pytest.fixture
async def replicas(urls: Urls, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster_of(urls, tmp_path) as found:
        yield found


@pytest.fixture
async def replica(replicas: Cluster) -> Replica:
    return await replicas.start()
