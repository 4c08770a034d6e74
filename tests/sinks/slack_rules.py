"""What Slack refuses, as its documents say it (docs.slack.dev, block-kit and formatting-message-text).

Stricter than Slack in two things: lengths are UTF-16 units, and a text that mentions anybody, or links to
where we did not, is refused.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

OURS = re.compile(r"<https://avalon\.example\.org[\w/-]*\|open>")
MENTION = re.compile(r"@(channel|here|everyone)\b")


def refusals(body: bytes) -> list[str]:
    try:
        message = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ["invalid_payload"]
    attachments = message.get("attachments", [])
    found = [] if message.get("text") or attachments else ["no_text"]
    found += _text("text", message.get("text", ""), 4000)
    if len(attachments) > 100:
        found.append("too_many_attachments")
    for attachment in attachments:
        found += _text("fallback", attachment["fallback"], 4000)
        if not re.fullmatch(r"#[0-9A-F]{6}", attachment["color"]):
            found.append("color")
        if not 1 <= len(attachment["blocks"]) <= 50:
            found.append("invalid_blocks: their number")
        for block in attachment["blocks"]:
            found += _block(block)
    return found


def _block(block: dict[str, Any]) -> list[str]:
    match block:
        case {"type": "section", "text": text}:
            return _object(text, 3000)
        case {"type": "section", "fields": list() as fields} if 1 <= len(fields) <= 10:
            return [error for field in fields for error in _object(field, 2000)]
        case {"type": "context", "elements": list() as elements} if 1 <= len(elements) <= 10:
            return [error for element in elements for error in _object(element, 3000)]
    return [f"invalid_blocks: {block.get('type')}"]


def _object(text: dict[str, Any], limit: int) -> list[str]:
    found = [] if text["type"] == "mrkdwn" and text["verbatim"] is True else ["names would be parsed"]
    return found + _text("text", text["text"], limit)


def _text(name: str, text: str, limit: int) -> list[str]:
    found = [] if 1 <= len(text.encode("utf-16-le")) // 2 <= limit else [f"{name}: its length"]
    if not text.strip():
        found.append(f"{name}: blank")
    foreign = OURS.sub("", text)
    if "<" in foreign or ">" in foreign:
        found.append(f"{name}: a link or a mention")
    if re.search(r"&(?!(amp|lt|gt);)", foreign):
        found.append(f"{name}: & is not escaped")
    *apart, last = text.split("```")
    if len(apart) not in (0, 2) or last:
        found += [f"{name}: out of its fence"] if apart else []
    if not apart and MENTION.search(re.sub("`[^`]*`", "", text)):
        found.append(f"{name}: calls people")
    return found
