"""Run the service.

Where no DATABASE_URL is set, an embedded Postgres under AVALON_DATA_DIR is started first and stopped last.
The schema is migrated, and on the very first start an account and an API key are made and printed, once.
SIGTERM and Ctrl-C let open requests end. The log goes to standard output, one JSON object a line.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import socket
import sys
from types import FrameType
from typing import Final

import msgspec

import avalon
from avalon.auth import Auth, FirstStart
from avalon.auth.key_format import dsn_of
from avalon.cli.console import database_of, say, service_database
from avalon.cli.port import local_url, reachable, take_port
from avalon.cli.server import serve
from avalon.database import wait_until_reachable
from avalon.migrations import migrate
from avalon.settings import Settings, load_settings
from avalon.subscriptions.commands import ensure_default

WAIT_S: Final = 60.0
EXAMPLE: Final = '{"error": {"message": "Hello, Avalon", "type": "FirstError"}, "level": "error"}'


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="the address to listen on (AVALON_HOST)")
    parser.add_argument("--port", type=int, help="the port; 0 for any free one (AVALON_PORT)")
    parser.add_argument("--workers", type=int, help="how many processes share the port (AVALON_WORKERS)")


def run(options: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_starting)
    settings = _settings(options)
    taken = take_port(settings.host, settings.port)
    settings = _know_port(settings, taken)
    say(f"Avalon {avalon.__version__}")
    if settings.database_url is None:
        say(f"starting the embedded Postgres in {settings.data_dir}")
    with database_of(settings, may_make=True) as ready:
        first = asyncio.run(_prepare(ready))
        welcome = _Welcome(ready, taken, first)
        if settings.database_url is None:
            _hand_down(ready)
        try:
            return serve(ready, taken, welcome.show)
        finally:
            welcome.show_secrets()
            say("stopping")


def _settings(options: argparse.Namespace) -> Settings:
    """The environment's, and what the command line says instead."""
    for name in ("host", "port", "workers"):
        if getattr(options, name) is not None:
            os.environ[f"AVALON_{name.upper()}"] = str(getattr(options, name))
    return load_settings(os.environ)


def _know_port(settings: Settings, taken: socket.socket) -> Settings:
    """With the port that was taken, where any free one was wanted: links name it, in every worker."""
    port = taken.getsockname()[1]
    os.environ["AVALON_PORT"] = str(port)
    return msgspec.structs.replace(settings, port=port)


def _stop_starting(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


async def _prepare(settings: Settings) -> FirstStart | None:
    """Waits for Postgres, migrates, and makes the first sink, account and key where there are none."""
    assert settings.database_url is not None and settings.database_owner_url is not None
    await wait_until_reachable(settings.database_owner_url, WAIT_S, _say_waiting)
    await migrate(settings.database_owner_url, settings.database_url, progress=lambda line: say(f"  {line}"))
    async with service_database(settings) as database:
        await ensure_default(database, settings)
        return await Auth(database, settings, lambda: False).bootstrap()


def _say_waiting(reason: str) -> None:
    say(f"waiting for Postgres, up to {WAIT_S:.0f} s: {reason}")


def _hand_down(settings: Settings) -> None:
    """Workers are processes of their own, which read the environment: the embedded Postgres stands there."""
    for name in ("database_url", "database_owner_url", "database_direct_url"):
        os.environ[name.upper()] = getattr(settings, name)


class _Welcome:
    """What a person wants to know once the service listens; what is shown only once is shown in any case."""

    def __init__(self, settings: Settings, taken: socket.socket, first: FirstStart | None) -> None:
        self._local = local_url(*reachable(taken))
        self._url = settings.public_url or self._local
        self._first = first

    def show(self) -> None:
        """Called from another thread, once."""
        secrets = self._take_secrets()
        say(f"\nAvalon listens: {self._url}   (Ctrl-C stops it)")
        if secrets:
            say(secrets)

    def show_secrets(self) -> None:
        secrets = self._take_secrets()
        if secrets:
            say(secrets)

    def _take_secrets(self) -> str:
        first, self._first = self._first, None
        if first is None:
            return ""
        password = first.password or "the one in AVALON_ADMIN_PASSWORD"
        note = "   (shown only now; the first login asks for a new one)" if first.password else ""
        dsn = dsn_of(first.api_key, self._url)
        command = ["curl", f"{self._local}/report", "-H", f"X-API-Key: {first.api_key}"]
        command += ["-H", "Content-Type: application/json", "-d", EXAMPLE]
        return "\n".join(
            [
                f"  username  {first.username}",
                f"  password  {password}{note}",
                "",
                f"Send a first error, as the service {first.service}; the key is shown only now, too:",
                "",
                f"  {shlex.join(command)}",
                "",
                f"Programs with a Sentry SDK report with this DSN:  {dsn}",
                "",
            ]
        )
