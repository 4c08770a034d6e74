"""Each guide does what it says: followed word by word, its deliberate error is in the list."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import execute_from_command_line
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import FLAGS, find_chromium
from tests.clients.conftest import Served
from tests.clients.guides import followed, shown_in, text_of
from tests.clients.node import run_installed, with_modules

PYTHON = ["django", "fastapi", "flask", "litestar", "python", "python-logging"]
SHELL = ["curl", "troubleshooting"]
NODE_GUIDES = ["express", "node"]
PAGES = ["react", "vue"]
ENTRIES = {"react": "main.jsx", "vue": "main.js"}
BUNDLE = Path(__file__).with_name("bundle.mjs")
ENTRY_PAGE = '<!doctype html><div id="root"></div><div id="app"></div><script src="page.js"></script>'


def check(name: str, served: Served, said: str) -> None:
    """The one report of the guide's key is the error that the guide shows."""
    try:
        [report] = served.reports(name)
    except AssertionError as error:
        raise AssertionError(said) from error
    text = text_of(name)
    assert f"{report['type']}: {report['message']}" == shown_in(text)
    if "_RELEASE=" in text:
        assert (report["environment"], report["release"]) == ("production", "1.4.2")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium; scripts/test says how to get one")
    flags = [*FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        yield browser
        browser.close()


@pytest.mark.parametrize("name", [*PYTHON, *SHELL, *NODE_GUIDES])
def test_its_error_arrives(name: str, served: Served, tmp_path: Path) -> None:
    if name == "django":
        execute_from_command_line(["django-admin", "startproject", "shop", str(tmp_path)])
    with followed(name, with_modules(tmp_path), served, served.new_key(name)) as said:
        check(name, served, said)


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_the_error_of_its_page_arrives(name: str, served: Served, tmp_path: Path, chromium: Browser) -> None:
    with followed(name, with_modules(tmp_path), served, served.new_key(name)) as said:
        if not (tmp_path / "index.html").exists():
            shutil.copy(BUNDLE, tmp_path)
            run_installed(tmp_path, BUNDLE.name, ENTRIES[name]).check_returncode()
            (tmp_path / "index.html").write_text(ENTRY_PAGE)
        with serving(tmp_path) as url, chromium.new_page() as page:
            page.goto(url)
            with page.expect_response(lambda answer: answer.url.startswith(served.url)) as found:
                page.get_by_role("button", name="Break").click()
            assert found.value.ok
        check(name, served, said)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A web server of the folder's files; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
