"""Which networks are public, and what a name leads to.

Python's `is_global` is not enough: it takes multicast, 6to4 relays and NAT64 for public, and what it knows
differs from one Python to the next. Registries: IANA's special-purpose addresses, IPv4 and IPv6.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

Resolve = Callable[[str, int], Awaitable[list[str]]]

# The IPv4 networks that `is_global` lets through, at least in some Python.
_SPECIAL = [
    ipaddress.ip_network(network)
    for network in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/3")
]
# Whatever is public in IPv6 is here (RFC 4291 §2.4 and IANA); Teredo and the like are not, nor is what is
# for documents (RFC 9637), which older Pythons don't know of.
_UNICAST = ipaddress.IPv6Network("2000::/3")
_EXAMPLES = ipaddress.IPv6Network("3fff::/20")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052; 64:ff9b:1::/48 (RFC 8215) is private


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, the best first. Raises OSError, UnicodeError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet and to nobody's own network. Raises ValueError."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not any(ip in network for network in _SPECIAL)
    inner = _embedded(ip)
    if inner is not None:
        return is_public(str(inner))
    return ip in _UNICAST and ip not in _EXAMPLES and ip.is_global


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a packet to this one would reach in the end."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.sixtofour
