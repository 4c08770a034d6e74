"""Each guide does what it says: followed word by word, its deliberate error is in the list."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import execute_from_command_line
from playwright.sync_api import Browser

from tests.clients.conftest import Served, eventually
from tests.clients.guides import DOCS, blocks_of, followed, save_files, shown_in, text_of
from tests.clients.node import run_installed, with_modules

PYTHON = ["django", "fastapi", "flask", "litestar", "opentelemetry", "python", "python-logging"]
SHELL = ["curl", "troubleshooting"]
NODE_GUIDES = ["express", "node"]
PAGES = ["browser", "react", "vue"]
FRAMEWORKS = ["nextjs", "nuxt"]
ENTRIES = {"react": "main.jsx", "vue": "main.js"}
BUNDLE = Path(__file__).with_name("bundle.mjs")
SCRIPT = '<script src="page.js"></script>'
ENTRY_PAGE = f'<!doctype html><div id="root"></div><div id="app"></div>{SCRIPT}'
BUTTON_PAGE = f"<!doctype html><button>Break</button>{SCRIPT}"

# Next.js and Nuxt are half a gigabyte. These programs call what the guides' files export as the frameworks
# do, and take the SDKs that @sentry/nextjs and @sentry/nuxt are made of in the place of these.
SENTRY_SERVER = """
export * from '@sentry/node';
export { captureException as captureRequestError } from '@sentry/node';
"""
SENTRY_PAGE = """
export * from '@sentry/react';
export const captureRouterTransitionStart = () => {};
"""
SERVERS = {
    "nextjs": """
import { flush } from '@sentry/node';
import { GET } from './app/boom/route';
import { onRequestError, register } from './instrumentation';
register();
try { GET(); } catch (error) { onRequestError(error); }
await flush(5000);
""",
    "nuxt": """
import { captureException, flush } from '@sentry/node';
globalThis.defineNuxtConfig = globalThis.defineEventHandler = (given) => given;
await import('./sentry.server.config');
const { default: config } = await import('./nuxt.config');
if (config.modules[0] !== '@sentry/nuxt/module') throw new Error('the module is not named');
try { (await import('./server/api/boom')).default(); } catch (error) { captureException(error); }
await flush(5000);
""",
}
BREAK = "document.querySelector('button').onclick = () => {"
CLIENTS = {
    "nextjs": f"""
import './instrumentation-client';
import {{ createRoot }} from 'react-dom/client';
import GlobalError from './app/global-error';
{BREAK} createRoot(document).render(<GlobalError error={{new Error('Hello, Avalon')}} />); }};
""",
    "nuxt": f"""
import './sentry.client.config';
{BREAK} throw new Error('Hello, Avalon'); }};
""",
}


def test_every_guide_with_a_program_is_followed_and_every_program_has_a_file() -> None:
    programs = {"python", "js", "jsx", "ts", "tsx", "vue", "html"}
    found = {
        (path.stem, block.info)
        for path in DOCS.glob("en/*.md")
        for block in blocks_of(text_of(path.stem))
        if block.language in programs
    }
    assert {name for name, _ in found} <= {"feedback", *PYTHON, *NODE_GUIDES, *PAGES, *FRAMEWORKS}
    assert [name for name, info in found if not info.strip()] == []


@pytest.mark.parametrize("name", [*PYTHON, *SHELL, *NODE_GUIDES])
def test_its_error_arrives(name: str, served: Served, tmp_path: Path) -> None:
    if name == "django":
        execute_from_command_line(["django-admin", "startproject", "shop", str(tmp_path)])
    with followed(name, with_modules(tmp_path), served, served.new_key(name)) as said:
        check(name, name, served, said)


def test_a_guide_with_a_wrong_key_is_told_so_and_nothing_arrives(served: Served, tmp_path: Path) -> None:
    with followed("curl", tmp_path, served, f"{served.new_key('wrong')[:-1]}!") as said:
        assert '"code":"key_unknown"' in said
    assert served.api.get("/api/errors", params={"service": "wrong"}).json()["items"] == []


def test_the_words_of_the_user_stand_in_the_history_of_the_issue(served: Served, tmp_path: Path) -> None:
    with followed("feedback", with_modules(tmp_path), served, served.new_key("words")):
        check("feedback", "words", served)
    [report] = served.reports("words")
    history = f"/api/issues/{report['issue']['id']}/history"
    eventually(lambda: "The button did nothing" in served.api.get(history).text, "the comment")


@pytest.mark.slow
def test_the_source_maps_of_a_build_are_uploaded_in_each_way(served: Served, tmp_path: Path) -> None:
    (tmp_path / "shop.js").write_text("export const pay = (order) => order.price;")
    esbuild = ("node_modules/esbuild/bin/esbuild", "shop.js", "--sourcemap=external", "--outdir=dist/assets")
    run_installed(tmp_path, *esbuild).check_returncode()
    key = served.new_key("maps", scope="source_maps")
    with followed("source-maps", tmp_path, served, key) as said:
        uploads = served.api.get("/api/source-maps", params={"service": "maps"}).json()["items"]
        assert len(uploads) == 3, said
    assert list(tmp_path.glob("dist/**/*.map")) == []


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_the_error_of_its_page_arrives(name: str, served: Served, tmp_path: Path, browser: Browser) -> None:
    with followed(name, with_modules(tmp_path), served, served.new_key(name)) as said:
        if name in ENTRIES:
            bundle(tmp_path, ENTRIES[name], "browser")
            (tmp_path / "index.html").write_text(ENTRY_PAGE)
        press(tmp_path, served, browser)
        check(name, name, served, said)


@pytest.mark.slow
@pytest.mark.browser
def test_the_error_of_a_page_with_the_sdk_arrives(served: Served, tmp_path: Path, browser: Browser) -> None:
    save_files("browser", with_modules(tmp_path), served, served.new_key("browser-sdk"))
    bundle(tmp_path, "main.js", "browser")
    (tmp_path / "index.html").write_text(BUTTON_PAGE + '<script src="shop.js"></script>')
    press(tmp_path, served, browser)
    check("browser", "browser-sdk", served)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_error_of_its_server_arrives(name: str, served: Served, tmp_path: Path) -> None:
    key = served.new_key(name)
    save_files(name, with_modules(tmp_path), served, key)
    (tmp_path / "sentry.ts").write_text(SENTRY_SERVER)
    (tmp_path / "entry.ts").write_text(SERVERS[name])
    bundle(tmp_path, "entry.ts", "node", f"@sentry/{name}=./sentry.ts")
    environment = {"SENTRY_ENVIRONMENT": "production", "SENTRY_RELEASE": "1.4.2"}
    done = run_installed(tmp_path, "server.mjs", SENTRY_DSN=served.dsn(key), **environment)
    check(name, name, served, done.stdout + done.stderr)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_error_in_its_page_arrives(name: str, served: Served, tmp_path: Path, browser: Browser) -> None:
    service = f"{name}-page"
    save_files(name, with_modules(tmp_path), served, served.new_key(service))
    (tmp_path / "sentry.ts").write_text(SENTRY_PAGE)
    (tmp_path / "entry.tsx").write_text(CLIENTS[name])
    bundle(tmp_path, "entry.tsx", "browser", f"@sentry/{name}=./sentry.ts")
    (tmp_path / "index.html").write_text(BUTTON_PAGE)
    press(tmp_path, served, browser)
    check(name, service, served)


def check(name: str, service: str, served: Served, said: str = "") -> None:
    """The one report of the service is the error that the guide shows."""
    try:
        [report] = served.reports(service)
    except AssertionError as error:
        raise AssertionError(said) from error
    text = text_of(name)
    assert f"{report['type']}: {report['message']}" == shown_in(text)
    if "1.4.2" in text:
        assert (report["environment"], report["release"]) == ("production", "1.4.2")


def bundle(folder: Path, *arguments: str) -> None:
    shutil.copy(BUNDLE, folder)
    done = run_installed(folder, BUNDLE.name, *arguments)
    assert done.returncode == 0, done.stderr


def press(folder: Path, served: Served, browser: Browser) -> None:
    """Opens the folder's page and breaks it; returns when Avalon has answered."""
    with serving(folder) as url, browser.new_page() as page:
        page.goto(url)
        with page.expect_response(lambda answer: answer.url.startswith(f"{served.url}/")) as found:
            page.get_by_role("button", name="Break").click()
        assert found.value.ok


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
