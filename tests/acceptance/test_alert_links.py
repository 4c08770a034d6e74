"""Where no public address is set, an alert leads to the one that the service listens on."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import httpx
import pytest

from tests.acceptance.command import Command
from tests.acceptance.test_serve import first_curl, on_database, serving, stop

__all__ = ["on_database"]


class Discord(ThreadingHTTPServer):
    """Takes whatever comes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.taken: Queue[Any] = Queue()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Discord)
        self.server.taken.put(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def discord() -> Iterator[Discord]:
    with Discord() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_alert_has_a_link_to_any_free_port_on_every_address(
    on_database: Command, discord: Discord, workers: str
) -> None:
    known = {
        "AVALON_WEBHOOK_ALLOWED_HOSTS": discord.host,
        "DISCORD_WEBHOOK_URL": f"http://{discord.host}/api/webhooks/1/token",
    }
    with serving(on_database, "--host", "0.0.0.0", "--workers", workers, **known) as service:
        key = re.search(r"X-API-Key: (\S+?)'? ", first_curl(service))
        assert key is not None
        report = {"error": {"message": "boom"}, "level": "fatal"}
        stored = httpx.post(f"{service.url}/report", json=report, headers={"X-API-Key": key[1]}).json()
        fields = discord.taken.get(timeout=20)["embeds"][0]["fields"]
        port = httpx.URL(service.url).port
        assert {
            "name": "Link",
            "value": f"http://localhost:{port}/errors/{stored['id']}",
            "inline": False,
        } in fields
        assert stop(service) == 0
