"""The port, taken before anything else is done, so that a taken one is said at once.

Nobody listens on it until the application is ready: a client is refused meanwhile, not kept waiting.
"""

from __future__ import annotations

import errno
import socket
import sys
from typing import Final

from avalon.errors import SettingsError, Unavailable

# Where this machine reaches who listens on every address.
WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104

# Accepted connections inherit it: one whose client takes nothing for so long is cut by the kernel, which a
# server that closes it can't do while something is still to be sent (tcp(7)).
UNTAKEN_MS: Final = 60_000

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
    if sys.platform == "linux":
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
    try:
        taken.bind((host.strip("[]"), port))
    except socket.gaierror as error:
        taken.close()
        raise SettingsError(f"AVALON_HOST: {host!r} can't be resolved: {error.strerror}") from None
    except OSError as error:
        taken.close()
        raise not_taken(host, port, error) from None
    return taken


def not_taken(host: str, port: int, error: OSError) -> Unavailable:
    return Unavailable(f"port {port} on {host} {REASONS.get(error.errno or 0, error.strerror)}")


def reachable(taken: socket.socket) -> tuple[str, int]:
    """The address at which this machine reaches the socket."""
    host, port = taken.getsockname()[:2]
    return WILDCARDS.get(host, host), port


def local_url(host: str, port: int) -> str:
    """The service's address, for this machine."""
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
