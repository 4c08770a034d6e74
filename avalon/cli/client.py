"""Asks a running service, for `avalon report`, `avalon run` and `avalon sourcemaps`.

Where to and with which key: `--url` and `--key`, else AVALON_URL and AVALON_API_KEY (or AVALON_API_KEY_FILE)
from the environment or `.env`. A report is tried three times under one id, so that it is stored once; what
the service refuses is not tried again.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from avalon.environment import find_text, read_dotenv
from avalon.errors import AvalonError, SettingsError, Unavailable

if TYPE_CHECKING:
    import httpx

DEFAULT_URL: Final = "http://127.0.0.1:4000"
TRIES: Final = 3
TIMEOUT_S: Final = 5.0
MAX_PAUSE_S: Final = 3.0
RETRIED: Final = frozenset({429, 500, 502, 503, 504})


class Refused(AvalonError):
    """The service did not take the report."""


class Target(msgspec.Struct, frozen=True):
    """Where reports go."""

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Target({self.url!r})"


class Accepted(msgspec.Struct):
    """What the service answers."""

    id: str
    position: int
    url: str


class _Problem(msgspec.Struct):
    code: str = ""
    message: str = ""


def add_target_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help=f"the service (default: AVALON_URL, else {DEFAULT_URL})")
    parser.add_argument(
        "--key", help="the API key (better: AVALON_API_KEY; a command line can be seen by others)"
    )


def find_target(options: argparse.Namespace) -> Target:
    """Raises SettingsError where there is no key."""
    layers: list[Mapping[str, str]] = [os.environ, read_dotenv(Path(".env"))]
    key = options.key or find_text(layers, "AVALON_API_KEY", secret=True)
    if not key:
        raise SettingsError("no API key: set AVALON_API_KEY or give --key")
    if not key.isascii() or not key.isprintable():
        raise SettingsError("AVALON_API_KEY or --key: this is no API key")
    url = (options.url or find_text(layers, "AVALON_URL", secret=False) or DEFAULT_URL).rstrip("/")
    return Target(url.removesuffix("/report"), key)


def send(target: Target, report: dict[str, Any]) -> Accepted:
    """Sends one report and waits for its commit; raises Refused or Unavailable."""
    import httpx  # here: a job that succeeds needs none of it

    from avalon.events import uuid7

    # With every sign escaped: a file name that is no UTF-8 comes as lone surrogates, which UTF-8 has not.
    body = json.dumps({"id": str(uuid7()), **report}).encode()
    headers = {"X-API-Key": target.key, "Content-Type": "application/json", "User-Agent": "avalon-cli"}
    with httpx.Client(timeout=TIMEOUT_S, headers=headers) as client:
        return _accepted(ask(client, target, "POST", "/report", content=body).content)


def ask(client: httpx.Client, target: Target, method: str, path: str, **body: Any) -> httpx.Response:
    """The answer, tried three times where that may help; raises Refused or Unavailable."""
    import httpx

    reason = ""
    for remaining in reversed(range(TRIES)):
        pause_s = 1.0
        try:
            answer = client.request(method, f"{target.url}{path}", **body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
        else:
            if answer.is_success:
                return answer
            reason = _reason(answer.status_code, answer.content)
            if answer.status_code not in RETRIED:
                raise Refused(f"{target.url} says: {reason}")
            pause_s = _retry_after_s(answer.headers.get("Retry-After", ""))
        if remaining:
            time.sleep(min(pause_s, MAX_PAUSE_S))
    raise Unavailable(f"{target.url} (AVALON_URL or --url) can't be reached or took nothing: {reason}")


def _accepted(body: bytes) -> Accepted:
    try:
        return msgspec.json.decode(body, type=Accepted)
    except msgspec.MsgspecError:
        raise Refused("whatever answers there is not Avalon; look at the address") from None


def _reason(status: int, body: bytes) -> str:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        return f"HTTP status {status}"
    return f"{problem.message or 'HTTP status'} ({problem.code or status})"


def _retry_after_s(header: str) -> float:
    return float(header) if header.isdigit() else 1.0


def host_name() -> str:
    return socket.gethostname()
