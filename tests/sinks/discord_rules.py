"""What Discord refuses, as its documents say it (docs.discord.com, resources/message.mdx and webhook.mdx).

Stricter than Discord in two things: lengths are UTF-16 units, and a message that could mention anybody is
refused. `refusals` lists what is wrong with a body; an empty list means that Discord would take it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

EMBED_TEXTS = {"title": 256, "description": 4096}


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def refusals(body: bytes) -> list[str]:
    try:
        message = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ["this is no JSON"]
    if not isinstance(message, dict):
        return ["this is no object"]
    embeds = message.get("embeds", [])
    found = [] if message.get("content") or embeds else ["Cannot send an empty message"]
    if message.get("allowed_mentions") != {"parse": []}:
        found.append("allowed_mentions: this message could mention somebody")
    found += _too_long("content", message.get("content", ""), 2000)
    if len(embeds) > 10:
        found.append("embeds: must be 10 or fewer in length")
    for index, embed in enumerate(embeds):
        found += [f"embeds[{index}].{error}" for error in _embed(embed)]
    if sum(_size(embed) for embed in embeds) > 6000:
        found.append("embeds: size exceeds maximum size of 6000")
    return found


def _embed(embed: dict[str, Any]) -> list[str]:
    found = []
    for name, limit in EMBED_TEXTS.items():
        found += _too_long(name, embed.get(name, ""), limit)
    if not any(_is_visible(embed.get(name, "")) for name in EMBED_TEXTS) and not embed.get("fields"):
        found.append("description: this field is required")
    fields = embed.get("fields", [])
    if len(fields) > 25:
        found.append("fields: must be 25 or fewer in length")
    for index, field in enumerate(fields):
        found += _required(f"fields[{index}].name", field.get("name"), 256)
        found += _required(f"fields[{index}].value", field.get("value"), 1024)
    if "footer" in embed:
        found += _required("footer.text", embed["footer"].get("text"), 2048)
    if not 0 <= embed.get("color", 0) <= 0xFFFFFF:
        found.append("color: must be a colour")
    if "timestamp" in embed and not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", embed["timestamp"]):
        found.append("timestamp: could not parse")
    if "url" in embed and not _is_well_formed(embed["url"]):
        found.append("url: Not a well formed URL.")
    return found


def _too_long(name: str, text: Any, limit: int) -> list[str]:
    if not isinstance(text, str):
        return [f"{name}: could not interpret as string"]
    return [f"{name}: must be {limit} or fewer in length"] if units(text) > limit else []


def _required(name: str, text: Any, limit: int) -> list[str]:
    if not isinstance(text, str) or not _is_visible(text):
        return [f"{name}: this field is required"]
    return _too_long(name, text, limit)


def _is_visible(text: Any) -> bool:
    return bool(str(text).strip())


def _is_well_formed(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return parts.scheme in ("http", "https") and "." in host
    return parts.scheme in ("http", "https")


def _size(embed: dict[str, Any]) -> int:
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts += [embed.get("author", {}).get("name", "")]
    texts += [field.get(key, "") for field in embed.get("fields", []) for key in ("name", "value")]
    return sum(units(str(text)) for text in texts)
