"""The web server around the application: its flags, its beginning, its end.

It gets a port that has been taken, and listens on it once the application is ready. At its end nothing new
is accepted, streams are told, open requests have ten seconds, and then the application ends its tasks.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from avalon.app import Application, create_app
from avalon.cli.port import not_taken, reachable
from avalon.cli.protocol import Protocol
from avalon.cli.workers import Workers
from avalon.settings import Settings

POLL_S: Final = 0.02
MAX_OPEN_FILES: Final = 65_536


def serve(settings: Settings, taken: socket.socket, on_listening: Callable[[], None]) -> int:
    """Serves until SIGTERM or SIGINT, and drains; the exit code."""
    allow_many_connections()
    threading.Thread(target=_announce, args=(taken, on_listening), daemon=True).start()
    return serve_alone(settings, taken) if settings.workers == 1 else Workers(settings.workers, taken).run()


def allow_many_connections() -> None:
    """Raises the soft limit of open files, for this process and its workers.

    1,024 is what a shell gives, and the live connections alone may be a thousand.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _announce(taken: socket.socket, on_listening: Callable[[], None]) -> None:
    """Calls back once somebody accepts; ends with the process where nobody ever does."""
    while taken.fileno() != -1:
        with socket.socket(taken.family, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(reachable(taken)) == 0:
                return on_listening()
        time.sleep(POLL_S)


def serve_alone(settings: Settings, taken: socket.socket) -> int:
    """Serves in this process."""
    early: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # At its end uvicorn raises what it stopped for once more, and what is left to do then must not be cut
        # short; what comes before it takes over must not be lost.
        signal.signal(number, lambda heard, _: early.append(heard))
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
    try:
        Server(create_app(settings), settings, lambda: bool(early)).run(sockets=[taken])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    except OSError as error:  # two may bind a port before either listens; the second is told here
        raise not_taken(settings.host, settings.port, error) from None
    return 0


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """A request that was cut at the end has its line in our log; it is no fault with a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class Server(uvicorn.Server):
    """uvicorn's, which lets the application end its streams before it waits for the open requests."""

    def __init__(
        self, app: Application, settings: Settings, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(uvicorn.Config(app, **flags(settings)))
        self._app = app
        self._is_over = is_over

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.should_exit = self.should_exit or self._is_over()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.stop()
        await super().shutdown(sockets)
        if self.force_exit:  # a second Ctrl-C waits for no request, but the application ends its tasks
            await self.lifespan.shutdown()


def flags(settings: Settings) -> dict[str, Any]:
    """uvicorn's, as measured: small messages, no compression per socket, an end that is sure to come."""
    return {
        "loop": "uvloop",
        "http": Protocol,
        "log_config": None,
        "log_level": "error",  # what a client sends that is not HTTP is answered, and no line on a terminal
        "access_log": False,
        "server_header": False,
        "lifespan": "on",
        "timeout_graceful_shutdown": 10,
        # Longer than a load balancer keeps idle connections, so that none is closed under a request.
        "timeout_keep_alive": 65,
        "ws_max_size": 65_536,
        "ws_per_message_deflate": False,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
    }
