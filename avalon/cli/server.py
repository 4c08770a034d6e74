"""The web server around the application: its socket, its flags, its end.

The port is taken before anything else is done, so that a taken one is said at once, but nobody listens on it
until the application is ready: a client is then refused, not kept waiting. One process serves by itself;
several share the socket under a parent that replaces those that die.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any, Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from avalon.errors import SettingsError, Unavailable
from avalon.settings import Settings

POLL_S: Final = 0.02
WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (where to reach who listens on all)

REASONS: Final = {
    errno.EADDRINUSE: "is taken: something listens there already; stop it, or choose another with --port or"
    " AVALON_PORT",
    errno.EACCES: "may not be used by this user; choose one from 1024 up, with --port or AVALON_PORT",
    errno.EADDRNOTAVAIL: "is no address of this machine; choose another with --host or AVALON_HOST",
}


def take_port(host: str, port: int) -> socket.socket:
    """The socket, bound and not yet listening. Raises Unavailable or SettingsError with what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host.strip("[]"), port))
    except socket.gaierror as error:
        taken.close()
        raise SettingsError(f"AVALON_HOST: {host!r} can't be resolved: {error.strerror}") from None
    except OSError as error:
        taken.close()
        raise _not_taken(host, port, error) from None
    taken.set_inheritable(True)
    return taken


def _not_taken(host: str, port: int, error: OSError) -> Unavailable:
    return Unavailable(f"port {port} on {host} {REASONS.get(error.errno or 0, error.strerror)}")


def reachable(taken: socket.socket) -> tuple[str, int]:
    """The address at which this machine reaches the socket."""
    host, port = taken.getsockname()[:2]
    return WILDCARDS.get(host, host), port


def serve(settings: Settings, taken: socket.socket, on_listening: Callable[[], None]) -> int:
    """Serves until SIGTERM or SIGINT, and drains; the exit code."""
    watcher = threading.Thread(target=_announce, args=(taken, on_listening), daemon=True)
    watcher.start()
    if settings.workers == 1:
        return _serve_alone(settings, taken)
    return _serve_with_workers(settings, taken)


def _announce(taken: socket.socket, on_listening: Callable[[], None]) -> None:
    """Calls back once somebody accepts; ends with the process where nobody ever does."""
    while taken.fileno() != -1:
        with socket.socket(taken.family, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(reachable(taken)) == 0:
                return on_listening()
        time.sleep(POLL_S)


def _serve_alone(settings: Settings, taken: socket.socket) -> int:
    from avalon.app import create_app

    try:
        uvicorn.Server(uvicorn.Config(create_app(settings), **flags(settings))).run(sockets=[taken])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    except OSError as error:  # two may bind a port before either listens; the second is told here
        raise _not_taken(settings.host, settings.port, error) from None
    return 0


def _serve_with_workers(settings: Settings, taken: socket.socket) -> int:
    """The workers read the settings from the environment again, where `serve` has put what it changed."""
    config = uvicorn.Config("avalon.cli.server:create_worker", factory=True, **flags(settings))
    parent = Multiprocess(config, sockets=[taken])
    parent.run()
    return STARTUP_FAILURE if any(p.exitcode == STARTUP_FAILURE for p in parent.processes) else 0


def create_worker() -> Any:
    """The application of one worker process."""
    from avalon.app import create_app
    from avalon.settings import load_settings

    threading.Thread(target=_end_with_parent, daemon=True).start()
    return create_app(load_settings(os.environ))


def _end_with_parent() -> None:
    """A worker whose parent was killed would hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def flags(settings: Settings) -> dict[str, Any]:
    """uvicorn's, as measured: small messages, no compression per socket, an end that is sure to come."""
    return {
        "workers": settings.workers,
        "loop": "uvloop",
        "http": "httptools",
        "log_config": None,
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
