"""Web pages of another origin than Avalon's, in a real Chromium, for clients that run in browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from tests.clients.conftest import DEADLINE_S


class Site:
    """A web server of one's own, whose pages are what was put there."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, tuple[bytes, dict[str, str]]] = {}

    def put(self, path: str, text: str, **headers: str) -> str:
        """The file's address; header names are written with underscores."""
        kind = "text/javascript" if path.endswith(".js") else "text/html"
        named = {"Content-Type": f"{kind}; charset=utf-8"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        self.files[path] = (text.encode(), named)
        return self.url + path

    def put_page(self, body: str, head: str = "", path: str = "/shop", **headers: str) -> str:
        return self.put(path, f'<!doctype html><link rel="icon" href="data:,">{head}<body>{body}', **headers)


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = site.files.get(self.path.partition("?")[0], (b"", {}))
            self.send_response(200 if headers else 404)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield site
        server.shutdown()


class Visit:
    """A browser at a page: what its console says, and what the page sends to Avalon."""

    def __init__(self, context: BrowserContext, avalon: str) -> None:
        self.page: Page = context.new_page()
        self.console: list[str] = []
        self.sent: list[Request] = []
        self.page.on("console", self._note)
        self._avalon = avalon
        self.page.on("request", self._look)
        self.preflights: list[str] = []
        network = context.new_cdp_session(self.page)
        network.on("Network.requestWillBeSent", self._look_closer)
        network.send("Network.enable")

    def _note(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    def _look(self, request: Request) -> None:
        if request.method == "POST" and request.url.startswith(self._avalon):
            self.sent.append(request)

    def _look_closer(self, sent: dict[str, Any]) -> None:
        if sent.get("type") == "Preflight":
            self.preflights.append(sent["request"]["url"])

    def until(self, is_so: Callable[[], Any], what: str) -> None:
        """Lets the browser go on until it is so."""
        for _ in range(int(DEADLINE_S / 2 * 50)):
            if is_so():
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"{what} never was; the console: {self.console}")

    def statuses(self) -> list[int]:
        """Of all that was sent, in order; waits for the answers."""
        return [answer.status for request in self.sent if (answer := request.response())]
