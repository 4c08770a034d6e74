"""Finds IP addresses in running text, for keys whose reports may hold none.

IPv4 is four numbers up to 255; behind a `v` (or `Version=`), or with three zeros at its end, as browsers
write versions (`Chrome/120.0.0.0`), they are nobody's. Of IPv6 only what can be somebody's is looked for, by
how it begins: global, unique local and link-local addresses, and IPv4 in IPv6 (RFC 4291, RFC 4193). So
`std::map`, `12:34:56` and hashes stay. Each place of a text is tried once, over a bounded length.
"""

from __future__ import annotations

import re
import socket
from typing import Final

HIDDEN: Final = "[ip]"

# What an address may stand behind: no part of a word or a number, but for an escape (`\n` in a text within a
# text, `%3D` in a query).
_BEGINS: Final = r"(?:(?<![0-9A-Za-z.].)|(?<=\\[nrt].)|(?<=%[0-9A-Fa-f]{2}.))"
_V4: Final = re.compile(
    rf"[0-9]{_BEGINS}(?<!ersion[= ].)[0-9]{{0,2}}(?:\.[0-9]{{1,3}}){{3}}(?![0-9A-Za-z]|\.[0-9])"
)
_COLON: Final = r"(?::|%3[Aa])"
_V6: Final = re.compile(
    rf"[236f:]{_BEGINS}(?:(?<=[23])[\da-f]{{3}}|(?<=f)[cd][\da-f]{{2}}|(?<=f)e[89ab][\da-f]"
    rf"|(?<=:)(?<!::):ffff(?=:)|(?<=6)4:ff9b(?=:))(?:{_COLON}{{1,2}}[\da-f]{{1,4}}){{0,7}}(?:{_COLON}{{2}})?(?!\w)",
    re.ASCII | re.IGNORECASE,
)
_V4_IN_V6: Final = re.compile(r"(?:::ffff:|64:ff9b::)\[ip\]", re.IGNORECASE)


def filter_addresses(text: str) -> str:
    """Replaces IP addresses by `[ip]`; the port behind one stays."""
    if text.count(".") >= 3:
        text = _V4.sub(_hide_v4, text)
        if "::" in text:
            text = _V4_IN_V6.sub(HIDDEN, text)
    if text.count(":") >= 2 or "%3" in text:
        text = _V6.sub(_hide_v6, text)
    return text.replace("[[ip]]", HIDDEN)


def _hide_v4(match: re.Match[str]) -> str:
    numbers = [int(number) for number in match[0].split(".")]
    return match[0] if max(numbers) > 255 or not any(numbers[1:]) else HIDDEN


def _hide_v6(match: re.Match[str]) -> str:
    try:
        socket.inet_pton(socket.AF_INET6, match[0].replace("%3A", ":").replace("%3a", ":"))
    except OSError:
        return match[0]
    return HIDDEN
