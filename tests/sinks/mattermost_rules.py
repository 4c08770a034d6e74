"""What Mattermost refuses or takes for a call (server/channels/app: slack.go, notification.go, webhook.go).

As Mattermost does, Slack's marks are replaced first, everywhere; then names are looked for outside of code.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tests.sinks.fake_http import Said

MAX_POST = 16_383
MAX_PROPS = 800_000
SLACK_MARK = re.compile(r"<!(channel|here|all)(\|[^>]*)?>|<@(\w+)>|<https?://[^|>]*\|[^>]*>")
MENTION = re.compile(r"@\w")
LINK = re.compile(r"(?<!\\)\[open\]\(https://avalon\.example\.org/[\w/-]*\)")
OPEN_MARK = re.compile(r"(?<!\\)[\[\]!]")


def refusals(body: bytes) -> list[str]:
    try:
        message = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ["web.incoming_webhook.parse.app_error"]
    attachments = message.get("attachments", [])
    if not message.get("text") and not attachments:
        return ["web.incoming_webhook.text.app_error"]
    found = [] if len(message.get("text", "")) <= MAX_POST else ["the post is too long"]
    if len(msgspec.json.encode(attachments).decode()) > MAX_PROPS:
        found.append("the attachments are too long")
    return found + [error for attachment in attachments for error in _attachment(attachment)]


def answer(errors: list[str]) -> Said:
    name = errors[0] if errors[0].startswith("web.") else "model.post.is_valid.msg.app_error"
    return Said(400, msgspec.json.encode({"id": name, "message": "…", "status_code": 400}).decode())


def _attachment(attachment: dict[str, Any]) -> list[str]:
    found = [] if re.fullmatch(r"#[0-9A-F]{6}", attachment["color"]) else ["color"]
    texts = [attachment[name] for name in ("fallback", "title", "text", "footer")]
    texts += [field[name] for field in attachment["fields"] for name in ("title", "value")]
    for text in texts:
        if not text.strip() or len(text) > MAX_POST:
            found.append("the length of a text")
        if SLACK_MARK.search(text):
            found.append("a mark of Slack's")
        if MENTION.search(text):
            found.append("calls people")
    foreign = LINK.sub("", re.sub(r"```\n.*?\n```$", "", attachment["text"], flags=re.DOTALL))
    if OPEN_MARK.search(foreign) or re.search(r"(?<!\\)`", foreign):
        found.append("a link, an image or an open fence")
    return found
