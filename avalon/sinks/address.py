"""Which addresses a sink may call, as they are written; `network` looks at what their names lead to.

Without the rule anybody who may edit a sink could make the service call whatever its network reaches
(OWASP ASVS 5.0, 1.3.6). `AVALON_WEBHOOK_ALLOWED_HOSTS` are exceptions to all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from avalon.errors import BadInput
from avalon.sinks.network import is_public

DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"})
SLACK_HOST = "hooks.slack.com"

_DISCORD_PATH = re.compile(r"/api(/v\d{1,3})?/webhooks/\d{1,25}/[\w-]{1,200}", re.ASCII)
_DISCORD_QUERY = re.compile(r"(thread_id=\d{1,25})?", re.ASCII)
_SLACK_PATH = re.compile(r"/services(/[A-Za-z0-9]{1,100}){3}")
_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")
MAX_URL = 2000

# Names of no public network: RFC 6761, RFC 6762 §3, and what ICANN reserved in 2024.
_PRIVATE_NAMES = ("localhost", "local", "internal", "localdomain")
_NUMBER = re.compile(r"\d+|0x[\da-f]*", re.IGNORECASE)

ALLOW_IT = "and those that AVALON_WEBHOOK_ALLOWED_HOSTS names (as host:port)"
COPY_IT = "this is not the address of a webhook; copy it from the channel's settings"

# Raises BadInput, without repeating the URL, where a kind of sink must not call it.
CheckUrl = Callable[[str, frozenset[str], str], None]


def check_public_url(url: str, allowed_hosts: frozenset[str], field: str = "url") -> None:
    """Any host, by https, that is not written as an address of no public network."""
    parts = split(url, field)
    if is_allowed(parts, allowed_hosts):
        return
    _check_https(parts, field)
    if not _is_public_host(parts.hostname or ""):
        raise BadInput(
            f"only public addresses are called, written plainly, {ALLOW_IT}",
            field=field,
        )


def _is_public_host(host: str) -> bool:
    """Whether it is written as one. What ends in a number is an address, however a system would read it
    (WHATWG URL §3.5): so it must be written as addresses are."""
    try:
        return is_public(host)
    except ValueError:
        last = host.rpartition(".")[2]
        is_name = "." in host and last not in ("", *_PRIVATE_NAMES)
        return is_name and not _NUMBER.fullmatch(last) and not host.endswith(".home.arpa")


def check_discord_url(url: str, allowed_hosts: frozenset[str], field: str = "url") -> None:
    """Discord's own hosts, and there only webhooks."""
    parts = split(url, field)
    if is_allowed(parts, allowed_hosts):
        return
    _check_host(parts, DISCORD_HOSTS, "Discord's", field)
    if not _DISCORD_PATH.fullmatch(parts.path) or not _DISCORD_QUERY.fullmatch(parts.query):
        raise BadInput(COPY_IT, field=field)


def check_slack_url(url: str, allowed_hosts: frozenset[str], field: str = "url") -> None:
    """Slack's host for incoming webhooks, and there nothing else."""
    parts = split(url, field)
    if is_allowed(parts, allowed_hosts):
        return
    _check_host(parts, frozenset({SLACK_HOST}), "Slack's", field)
    if not _SLACK_PATH.fullmatch(parts.path) or parts.query:
        raise BadInput(COPY_IT, field=field)


def split(url: str, field: str = "url") -> SplitResult:
    """The parts of a plain http(s) URL. Raises BadInput."""
    try:
        parts = urlsplit(url)
        port_of(parts)
    except ValueError:
        raise BadInput("this is no URL", field=field) from None
    if _UNSAFE.search(url) or "@" in parts.netloc or parts.fragment or len(url) > MAX_URL:
        raise BadInput("give a plain URL, without credentials, blanks or a fragment", field=field)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("give an address that starts with https://", field=field)
    return parts


def is_allowed(parts: SplitResult, allowed_hosts: frozenset[str]) -> bool:
    return host_with_port(parts) in allowed_hosts


def port_of(parts: SplitResult) -> int:
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)


def host_with_port(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]:{port_of(parts)}" if ":" in host else f"{host}:{port_of(parts)}"


def _check_https(parts: SplitResult, field: str) -> None:
    if parts.scheme != "https":
        raise BadInput(f"only https:// is called, {ALLOW_IT}", field=field)


def _check_host(parts: SplitResult, hosts: frozenset[str], whose: str, field: str) -> None:
    _check_https(parts, field)
    if parts.hostname not in hosts or port_of(parts) != 443:
        raise BadInput(
            f"this host is neither {whose} nor among AVALON_WEBHOOK_ALLOWED_HOSTS (as host:port)", field=field
        )
