"""Alerts by e-mail: one message for each alert or digest, as plain text and as a little HTML.

No header can be broken out of: what goes into one is a single line of a bounded length. `Auto-Submitted`
(RFC 3834) keeps automatic answers away, `List-Id` (RFC 2919) is for filters, and a `Message-ID` that is the
same on every try lets a mail server drop the double of a message that was sent again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape

from avalon.errors import TransportError
from avalon.settings import Settings, base_url
from avalon.sinks import Alert, Digest, DigestLine, Message, Note, Receipt, Target, words
from avalon.sinks.smtp import send_mail
from avalon.sinks.text import fit, fit_ends, one_line

SUBJECT = 150
MESSAGE = 4_000
STACK = 8_000
LINES = 10_000


class MailSink:
    """One list of recipients."""

    def __init__(self, target: Target, settings: Settings) -> None:
        self._target = target
        self._settings = settings

    async def send(self, message: Message) -> Receipt:
        """Sends one e-mail to all recipients; raises TransportError, MessageRefused."""
        server, sender = self._settings.smtp_url, self._settings.smtp_from
        if not server or not sender:
            raise TransportError("SMTP_URL and SMTP_FROM are not set where the service is started")
        recipients = self._target.recipients or []
        mail = compose(message, self._target, sender, base_url(self._settings))
        refused = await send_mail(server, parseaddr(sender)[1], recipients, mail.as_bytes())
        note = f"{len(refused)} of {words.many(len(recipients), 'recipient')} refused: " if refused else ""
        codes = ", ".join(sorted({str(code) for code in refused.values()}))
        return Receipt(answer=250, message_id=mail["Message-ID"].strip("<> "), note=f"{note}{codes}" or None)


def compose(message: Message, target: Target, sender: str, base: str | None) -> EmailMessage:
    """The whole e-mail."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    sink = target.sink.hex[-12:]  # the random end of it: an id that must be folded is not everybody's
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = ", ".join(target.recipients or [])
    mail["Subject"] = f"[Avalon] {_unencoded(one_line(_subject(message), SUBJECT))}"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message.key}.{sink}@{domain}>"
    if isinstance(message, Alert):
        mail["References"] = f"<{message.issue.hex}.{sink}@{domain}>"  # one thread an issue
    mail["List-Id"] = f"<{target.sink}.{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"  # the same, for Exchange
    why = _why(target, base)
    mail.set_content(_plain(message, why), cte="quoted-printable")
    mail.add_alternative(_html(message, why), subtype="html", cte="quoted-printable")
    return mail


def _subject(message: Message) -> str:
    if isinstance(message, Alert):
        return f"{words.heading(message)}: {one_line(words.body(message), SUBJECT)}"
    return words.heading(message)


def _unencoded(text: str) -> str:
    """Without encoded words (RFC 2047): the standard library would decode them, line breaks and all, and
    write the breaks into the header."""
    return text.replace("=?", "= ?")


def _why(target: Target, base: str | None) -> str:
    """How to switch it off."""
    where = f"{base}/api/sinks/{target.sink}" if base else f"/api/sinks/{target.sink}"
    return (
        f"Avalon sends this to the addresses of its sink “{one_line(target.name, 100)}”. To stop it, an admin"
        f' takes an address out of the sink or switches it off: PATCH {where} {{"is_active": false}}'
    )


def _plain(message: Message, why: str) -> str:
    match message:
        case Alert():
            details = "\n".join(f"{d.name}: {one_line(d.text, d.limit)}" for d in words.details(message))
            stack = [fit_ends(message.stack, STACK, str)] if message.stack.strip() else []
            parts = [fit(words.body(message), MESSAGE, str), details, *stack]
        case Digest():
            parts = [words.digest_lines(message, LINES, _plain_line)]
        case Note():
            parts = [message.text]
    head = words.heading(message)
    links = [message.url] if message.url else []
    return "\n\n".join([head, *parts, *links, words.footer(message), f"-- \n{why}"]) + "\n"


def _plain_line(line: DigestLine) -> str:
    told = f"{line.count} × {one_line(line.title, 120)} · {line.service} · issue {line.issue}"
    return f"{told}\n  {line.url}" if line.url else told


def _html(message: Message, why: str) -> str:
    colour = f"#{words.COLOURS[words.level_of(message)]:06X}"
    small = '<p style="color:#666;font-size:12px">'
    head = escape(words.heading(message))
    if message.url:
        head = f'<a href="{escape(message.url)}">{head}</a>'
    return (
        f'<div style="font-family:sans-serif;border-left:4px solid {colour};padding-left:12px">'
        f"<h3>{head}</h3>{_html_body(message)}</div>"
        f"{small}{escape(words.footer(message))}</p>{small}{escape(why)}</p>\n"
    )


def _html_body(message: Message) -> str:
    match message:
        case Alert():
            rows = "".join(
                f"<tr><td><b>{d.name}</b></td><td>{escape(one_line(d.text, d.limit))}</td></tr>"
                for d in words.details(message)
            )
            stack = f"<pre>{fit_ends(message.stack, STACK, escape)}</pre>" if message.stack.strip() else ""
            return f"<pre>{fit(words.body(message), MESSAGE, escape)}</pre><table>{rows}</table>{stack}"
        case Digest():
            return f"<ul>{words.digest_lines(message, LINES, _html_line)}</ul>"
        case Note():
            return f"<p>{escape(message.text)}</p>"


def _html_line(line: DigestLine) -> str:
    title = escape(one_line(line.title, 120))
    if line.url:
        title = f'<a href="{escape(line.url)}">{title}</a>'
    return f"<li><b>{line.count}</b> × {title} · {escape(line.service)} · issue {line.issue}</li>"
