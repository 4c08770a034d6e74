"""Which addresses a sink may call, and how an address is shown: a webhook's URL is a secret.

Without the rule anybody who may edit a sink could make the service call whatever its network reaches
(OWASP ASVS 5.0, 1.3.6). Discord's hosts need no look at what they resolve to: TLS proves them.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from avalon.errors import BadInput

DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"})

_WEBHOOK = re.compile(r"/api(/v\d{1,3})?/webhooks/\d{1,25}/[\w-]{1,200}", re.ASCII)
_QUERY = re.compile(r"(thread_id=\d{1,25})?", re.ASCII)
_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")


def check_discord_url(url: str, allowed_hosts: frozenset[str], *, field: str = "url") -> None:
    """Raises BadInput, without repeating the URL, where the service must not call it."""
    try:
        parts = urlsplit(url)
        host = _host_with_port(parts)
    except ValueError:
        raise BadInput("this is no URL", field=field) from None
    if _UNSAFE.search(url) or "@" in parts.netloc or parts.fragment:
        raise BadInput("give a plain URL, without credentials, blanks or a fragment", field=field)
    if parts.scheme in ("http", "https") and host in allowed_hosts:
        return
    if parts.scheme != "https":
        raise BadInput("give an address that starts with https://", field=field)
    if parts.hostname not in DISCORD_HOSTS or host != f"{parts.hostname}:443":
        raise BadInput(
            "this host is neither Discord's nor among AVALON_WEBHOOK_ALLOWED_HOSTS (as host:port)",
            field=field,
        )
    if not _WEBHOOK.fullmatch(parts.path) or not _QUERY.fullmatch(parts.query):
        raise BadInput(
            "this is not the address of a webhook; copy it from the channel's settings", field=field
        )


def _host_with_port(parts: SplitResult) -> str:
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
