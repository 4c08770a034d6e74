"""Slack's incoming webhooks: a coloured attachment of blocks, and what Slack's one-word answers mean.

All foreign text stands in code, where Slack formats nothing, with `&`, `<` and `>` escaped, so that it can
neither mention nor link. Limits: 3,000 characters a text, 10 fields of 2,000; one message a second, then 429
with Retry-After. docs.slack.dev: formatting-message-text, block-kit, incoming webhooks.
"""

from __future__ import annotations

from typing import Any

import msgspec

from avalon.errors import MessageRefused, TransportError
from avalon.sinks import Alert, Digest, DigestLine, Message, Note, Receipt, Target, words
from avalon.sinks.address import check_slack_url
from avalon.sinks.http import Answer, HttpClient, retry_after_s
from avalon.sinks.text import ZERO_WIDTH_SPACE, fit, fit_ends, one_line

TEXT = 2900
FIELDS = 10

# What Slack answers where the webhook can't ever work again, in its word and in ours.
GONE = {
    "action_prohibited": "its workspace forbids this webhook to post",
    "channel_is_archived": "its channel is archived",
    "channel_not_found": "its channel was deleted",
    "invalid_token": "the webhook's token is wrong",
    "no_active_hooks": "the webhook is switched off",
    "no_service": "the webhook was deleted or is switched off",
    "no_service_id": "the webhook's address is not complete",
    "no_team": "its workspace was deleted",
    "posting_to_general_channel_denied": "the webhook may not post to this channel",
    "team_disabled": "its workspace is switched off",
}
GONE_STATUS = {404: "the webhook was deleted", 410: "its channel is archived"}

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_APART = {"@": f"@{ZERO_WIDTH_SPACE}", "`": "ˋ"}
_encode = msgspec.json.Encoder().encode

Block = dict[str, Any]


class SlackSink:
    """One webhook."""

    def __init__(self, target: Target, client: HttpClient) -> None:
        self._url = target.url or ""
        self._client = client

    async def send(self, message: Message) -> Receipt:
        """Posts one message; raises TransportError, MessageRefused."""
        answer = await self._client.post_json(self._url, _encode(payload(message)), check=check_slack_url)
        return _classify(answer)


def payload(message: Message) -> dict[str, Any]:
    """The body of the request; `text` is what a notification shows."""
    blocks = _blocks(message)
    colour = f"#{words.COLOURS[words.level_of(message)]:06X}"
    # Names, channels and links of a text are to be left alone; they are unless one asks for it.
    return {
        "text": _plain(_summary(message), 300),
        "attachments": [{"color": colour, "fallback": _plain(words.heading(message), 300), "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _summary(message: Message) -> str:
    if isinstance(message, Alert):
        return f"{words.heading(message)}: {one_line(words.body(message), 150)}"
    return words.heading(message)


def _blocks(message: Message) -> list[Block]:
    blocks = [_section(_heading(message))]
    match message:
        case Alert():
            blocks.append(_section(_fence(words.body(message), TEXT // 2)))
            if message.stack.strip():
                blocks.append(_section(_fence(message.stack, TEXT)))
            blocks.append({"type": "section", "fields": _fields(message)})
        case Digest():
            blocks.append(_section(words.digest_lines(message, TEXT, _line)))
        case Note():
            blocks.append(_section(_plain(message.text, TEXT)))
    return [*blocks, {"type": "context", "elements": [_mrkdwn(words.footer(message))]}]


def _heading(message: Message) -> str:
    title = f"*{_plain(words.heading(message), 300)}*"
    url = words.link(message.url)
    return f"{title} · <{_plain(url, 2 * words.LINK)}|open>" if url else title


def _fields(alert: Alert) -> list[dict[str, Any]]:
    known = words.details(alert)[:FIELDS]
    return [_mrkdwn(f"*{d.name}*\n{_code(d.text, d.limit)}") for d in known]


def _line(line: DigestLine) -> str:
    emoji = words.EMOJIS[words.known_level(line.level)]
    told = (
        f"{emoji} *{line.count}* × {_code(line.title, 120)} · {_code(line.service, 100)} · issue {line.issue}"
    )
    url = words.link(line.url)
    return f"{told} · <{_plain(url, 2 * words.LINK)}|open>" if url else told


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, limit: int) -> str:
    """Words between others; bare names such as @channel are broken, whoever may look for them."""
    return fit(text, limit, lambda c: _ENTITIES.get(c, _APART.get(c, c)))


def _code(text: str, limit: int) -> str:
    return f"`{fit(one_line(text, limit), limit + 20, lambda c: _ENTITIES.get(c, 'ˋ' if c == '`' else c))}`"


def _fence(text: str, limit: int) -> str:
    apart = fit_ends(text, limit - 8, lambda c: _ENTITIES.get(c, f"`{ZERO_WIDTH_SPACE}" if c == "`" else c))
    return f"```\n{apart}\n```"


def _classify(answer: Answer) -> Receipt:
    """The receipt of a 2xx; raises what any other answer means."""
    status = answer.status
    if answer.is_yes:
        return Receipt(answer=status)
    word = answer.text if answer.text in GONE else ""
    said = f"Slack answered {status}" + (f" ({word})" if word else "")
    if status == 429:
        raise TransportError(said, retry_after_s=retry_after_s(answer), answer=status)
    reason = GONE.get(word) or GONE_STATUS.get(status)
    if reason:
        raise TransportError(f"{said}: {reason}", permanent=True, answer=status)
    if status in (400, 413):
        raise MessageRefused(f"{said}: it does not take this message", answer=status)
    raise TransportError(said, answer=status)
