"""Mattermost's incoming webhooks: a coloured attachment in Markdown, and what Mattermost's answers mean.

Mattermost first turns Slack's `<!channel>`, `<@id>` and `<url|text>` into its own marks, wherever they stand,
and then looks for @names in the attachment's text, whatever is escaped (server/channels/app: slack.go,
notification.go). So `@` and `<` are followed by a blank of no width. Limits: 16,383 characters a post.
"""

from __future__ import annotations

from typing import Any

import msgspec

from avalon.errors import MessageRefused, TransportError
from avalon.sinks import Alert, Digest, DigestLine, Message, Note, Receipt, Target, words
from avalon.sinks.http import Answer, HttpClient, retry_after_s
from avalon.sinks.text import ZERO_WIDTH_SPACE, fit, fit_ends, one_line, units

TEXT = 7000
MESSAGE = 2000
LINE_TITLE = 120

# What Mattermost answers where the webhook can't ever work again, by its name of the error.
GONE = {
    "web.incoming_webhook.invalid.app_error": "the webhook was deleted",
    "web.incoming_webhook.disabled.app_error": "incoming webhooks are switched off there",
    "web.incoming_webhook.channel.app_error": "its channel was deleted",
    "app.channel.get.existing.app_error": "its channel was deleted",
    "web.incoming_webhook.channel_locked.app_error": "the webhook may not post to this channel",
    "web.incoming_webhook.permissions.app_error": "the webhook's owner may not post to this channel",
    "web.incoming_webhook.user.app_error": "the webhook's owner was deleted",
}

_MARKS = frozenset("\\*_~`|[](){}>#!+-.")
_encode = msgspec.json.Encoder().encode


class _Said(msgspec.Struct):
    id: str = ""


class MattermostSink:
    """One webhook."""

    def __init__(self, target: Target, client: HttpClient) -> None:
        self._url = target.url or ""
        self._client = client

    async def send(self, message: Message) -> Receipt:
        """Posts one message; raises TransportError, MessageRefused."""
        return _classify(await self._client.post_json(self._url, _encode(payload(message))))


def payload(message: Message) -> dict[str, Any]:
    """The body of the request; `fallback` is what a notification shows."""
    heading = _apart(words.heading(message), 300)
    attachment: dict[str, Any] = {
        "fallback": heading,
        "color": f"#{words.COLOURS[words.level_of(message)]:06X}",
        "title": heading,
        "text": _text(message),
        "fields": _fields(message) if isinstance(message, Alert) else [],
        "footer": words.footer(message),
    }
    url = words.link(message.url)
    return {"attachments": [attachment | {"title_link": url} if url else attachment]}


def _text(message: Message) -> str:
    match message:
        case Alert():
            text = _quote(words.body(message), MESSAGE)
            if not message.stack.strip():
                return text
            return f"{text}\n\n{_fence(message.stack, TEXT - units(text) - 2)}"
        case Digest():
            return words.digest_lines(message, TEXT, _line)
        case Note():
            return _quote(message.text, MESSAGE)


def _fields(alert: Alert) -> list[dict[str, Any]]:
    return [
        {"title": d.name, "value": _quote(one_line(d.text, d.limit), 3 * d.limit), "short": d.is_short}
        for d in words.details(alert)
    ]


def _line(line: DigestLine) -> str:
    title = _quote(one_line(line.title, LINE_TITLE), 3 * LINE_TITLE)
    url = words.link(line.url)
    emoji = words.EMOJIS[words.known_level(line.level)]
    told = f"{emoji} **{line.count}** × {title} · {_quote(line.service, 200)} · issue {line.issue}"
    return f"- {told} · [open]({url})" if url else f"- {told}"


def _break(character: str) -> str:
    return character + ZERO_WIDTH_SPACE if character in "@<" else character


def _apart(text: str, limit: int) -> str:
    """Text where Markdown is not read."""
    return fit(text, limit, _break)


def _quote(text: str, limit: int) -> str:
    """Text to be read as it is, among Markdown."""
    return fit(text, limit, lambda c: "\\" + c if c in _MARKS else _break(c))


def _fence(text: str, limit: int) -> str:
    apart = fit_ends(text, limit - 8, lambda c: "`" + ZERO_WIDTH_SPACE if c == "`" else _break(c))
    return f"```\n{apart}\n```"


def _classify(answer: Answer) -> Receipt:
    """The receipt of a 2xx; raises what any other answer means."""
    status = answer.status
    if answer.is_yes:
        return Receipt(answer=status)
    name = _name(answer.body)
    said = f"Mattermost answered {status}" + (f" ({name})" if name in GONE else "")
    if status == 429:
        raise TransportError(said, retry_after_s=retry_after_s(answer), answer=status)
    if name in GONE:
        raise TransportError(f"{said}: {GONE[name]}", permanent=True, answer=status)
    if status in (400, 413):
        raise MessageRefused(f"{said}: it does not take this message", answer=status)
    raise TransportError(said, answer=status)


def _name(body: bytes) -> str:
    """The answer's own name of the error; "" where somebody else answered."""
    try:
        return msgspec.json.decode(body, type=_Said).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
