"""A listener between a client and the replica, which can lose answers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import httpx


class Seen(NamedTuple):
    """A request that went through, and what the replica answered."""

    at: float
    path: str
    body: bytes
    status: int


class Tap:
    """What the listener is called, and what went through it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[Seen] = []


@contextmanager
def tapped(upstream: str, lost: int, retry_after_s: int) -> Iterator[Tap]:
    """Passes requests on; the first `lost` answers on each path become a 503."""
    asked: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: text for name, text in self.headers.items() if name.lower() != "host"}
            answer = httpx.post(upstream + self.path, content=body, headers=headers)
            tap.seen.append(Seen(time.monotonic(), self.path, body, answer.status_code))
            asked[self.path] += 1
            if asked[self.path] <= lost:
                self.send_response(503)
                self.send_header("Retry-After", str(retry_after_s))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["content-type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: what went through is seen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        tap = Tap(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield tap
        finally:
            server.shutdown()
            thread.join()
