"""E-mail: no header is broken out of, no password is sent in clear, and what the server's answers mean."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from email.errors import MessageError
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings

from avalon.errors import MessageRefused, TransportError
from avalon.sinks import Message
from avalon.sinks.mail import MailSink, compose
from tests.sinks.certificate import certificate_file, server_context
from tests.sinks.conftest import a_settings_for
from tests.sinks.fake_smtp import DROP, HANG, FakeSmtp
from tests.sinks.messages import NASTY, TRAPS, a_digest, a_line, a_note, a_target, an_alert, with_everywhere

FROM = "Avalon <avalon@example.org>"
TO = ["ops@example.org", "night@example.org"]
ENCODED = "=?utf-8?q?=0d=0aBcc:_eve@evil.example?="
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "List-Id", "Auto-Submitted", "X-Auto-Response-Suppress"),
    *("MIME-Version", "Content-Type"),
}


@pytest.fixture
async def smtp() -> AsyncIterator[FakeSmtp]:
    async with FakeSmtp() as found:
        yield found


def a_sink(url: str) -> MailSink:
    return MailSink(a_target("email", recipients=TO), a_settings_for("", SMTP_URL=url, SMTP_FROM=FROM))


def parts(message: Message, **fields: Any) -> tuple[str, str]:
    """The plain text and the HTML of the e-mail."""
    mail = compose(message, a_target("email", recipients=TO, **fields), FROM, "https://avalon.example.org")
    plain, html = mail.iter_parts()
    return plain.get_content(), html.get_content()


async def test_everybody_gets_one_mail_that_says_what_happened(smtp: FakeSmtp) -> None:
    receipt = await a_sink(smtp.url()).send(an_alert(stack="Error: boom\n  at f (a.js:1)", type="TypeError"))
    (mail,) = smtp.mails
    message = mail.message
    assert (mail.sender, mail.recipients) == ("avalon@example.org", TO)
    assert message["Subject"] == "[Avalon] 🚨 CRITICAL · api: boom"
    assert (message["From"], message["To"]) == (FROM, ", ".join(TO))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == f"<{UUID(int=5)}.example.org>"
    assert message["References"].strip() == f"<{UUID(int=8).hex}.{UUID(int=5).hex[-12:]}@example.org>"
    assert message["Message-ID"].strip("<>") == receipt.message_id
    assert receipt.answer == 250 and receipt.note is None
    plain, html = (part.get_content() for part in message.iter_parts())
    for text in (plain, html):
        assert "Error: boom\n  at f (a.js:1)" in text.replace("\r\n", "\n") and "TypeError" in text
        assert "switches it off" in text and "sink “Ops”" in text
    assert "https://avalon.example.org/errors/" in plain


async def test_a_second_try_has_the_same_id(smtp: FakeSmtp) -> None:
    first, again, other = [
        (await a_sink(smtp.url()).send(alert)).message_id
        for alert in (an_alert(), an_alert(), an_alert(position=43))
    ]
    assert first == again != other


async def test_every_sort_of_message_is_taken(smtp: FakeSmtp) -> None:
    digest = a_digest(
        [a_line(title="x" * 200, count=1000 - n, url="https://a.example/x") for n in range(500)]
    )
    for message in (digest, a_note(), an_alert(what="issue.regressed", reason="it came back in 1.4.2")):
        await a_sink(smtp.url()).send(message)
    assert [mail.message["Subject"] for mail in smtp.mails] == [
        f"[Avalon] 📊 {digest.reports} reports of 500 issues held back",
        "[Avalon] 🛡️ Avalon can reach you here",
        "[Avalon] 🚨 REGRESSED · api: boom",
    ]
    plain = next(smtp.mails[0].message.iter_parts()).get_content()
    told = sum(int(count) for count in re.findall(r"^(\d+) ×", plain, re.MULTILINE))
    (left,) = re.findall(r"with (\d+) reports", plain)
    assert told + int(left) == digest.reports


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        assert {name for name, _ in attrs} <= {"style", "href"}


@settings(max_examples=80, deadline=None)
@given(NASTY)
@example(TRAPS[0])
@example(TRAPS[1])
@example("a" * 9000)
@example("ü" * 9000)
@example(ENCODED)
@example("=?" + ENCODED)
@example("==??utf-8?q?=0d=0aBcc:_eve@evil.example?=")
@example("\ud800\x00\x85\u2028Bcc: eve@evil.example")
def test_no_text_breaks_out_of_a_header_or_of_the_html(text: str) -> None:
    for message in with_everywhere(text):
        mail = compose(message, a_target("email", recipients=TO), FROM, None)
        raw = mail.as_bytes()
        head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
        assert set(re.findall(r"^([\w-]+):", head, re.MULTILINE)) <= HEADERS | {"References"}
        assert max(map(len, raw.split(b"\r\n"))) < 999 and b"\n" not in raw.replace(b"\r\n", b"")
        assert len(str(mail["Subject"])) <= 170
        html = list(mail.iter_parts())[1].get_content()
        assert Tags(html).found <= {"div", "h3", "pre", "table", "tr", "td", "b", "p", "a", "ul", "li"}


def test_an_encoded_word_would_break_out_of_the_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avalon.sinks.mail._unencoded", str)
    mail = compose(an_alert(message=ENCODED), a_target("email", recipients=TO), FROM, None)
    with suppress(MessageError):  # a newer Python refuses to write it, and nobody would ever get this mail
        assert b"\r\nBcc:" in mail.as_bytes().partition(b"\r\n\r\n")[0]


def test_the_html_would_break_without_its_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avalon.sinks.mail.escape", str)
    assert "script" in Tags(parts(an_alert(message=TRAPS[1]))[1]).found


async def test_the_fake_server_takes_what_the_composer_makes_of_anything(smtp: FakeSmtp) -> None:
    for text in (*TRAPS, "😀" * 9000, ".\r\n.\r\nQUIT\r\n"):
        for message in with_everywhere(text):
            await a_sink(smtp.url()).send(message)
    assert len(smtp.mails) == 8


@pytest.mark.parametrize(
    ("command", "answer", "permanent", "refused"),
    [
        ("CONNECT", "421 later", False, False),
        ("CONNECT", "554 no", False, False),
        ("MAIL", "550 who are you?", False, False),
        ("MAIL", "451 later", False, False),
        ("BODY", "451 later", False, False),
        ("BODY", "554 spam", False, True),
        ("DATA", "554 no", False, True),
        ("DATA", DROP, False, False),
    ],
)
async def test_an_answer_is_for_good_for_this_message_or_for_now(
    smtp: FakeSmtp, command: str, answer: str, permanent: bool, refused: bool
) -> None:
    smtp.answer_with(command, answer, answer)
    with pytest.raises(TransportError) as failed:
        await a_sink(smtp.url()).send(an_alert())
    assert (failed.value.permanent, isinstance(failed.value, MessageRefused)) == (permanent, refused)
    assert smtp.mails == [] and "spam" not in failed.value.message


@pytest.mark.parametrize(
    ("answers", "permanent"),
    [(("550 no", "550 no"), True), (("550 no", "450 later"), False), (("450 later", "452 full"), False)],
    ids=["both-for-good", "one-for-now", "both-for-now"],
)
async def test_a_list_of_which_nobody_is_known_is_for_good(
    smtp: FakeSmtp, answers: tuple[str, str], permanent: bool
) -> None:
    smtp.answer_with("RCPT", *answers)
    with pytest.raises(TransportError, match="every recipient") as failed:
        await a_sink(smtp.url()).send(an_alert())
    assert failed.value.permanent is permanent and "example.org" not in failed.value.message


async def test_one_who_is_refused_keeps_nobody_else_from_being_told(smtp: FakeSmtp) -> None:
    smtp.answer_with("RCPT", "452 mailbox full")
    receipt = await a_sink(smtp.url()).send(an_alert())
    assert smtp.mails[0].recipients == TO[1:]
    assert receipt.note == "1 of 2 recipients refused: 452"


async def test_what_the_server_says_after_it_took_the_mail_does_not_matter(smtp: FakeSmtp) -> None:
    smtp.answer_with("QUIT", "500 what?")
    await a_sink(smtp.url()).send(an_alert())
    assert len(smtp.mails) == 1


@pytest.mark.parametrize("command", ["EHLO", "DATA"])
async def test_a_silent_server_is_left_after_a_while(
    smtp: FakeSmtp, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avalon.sinks.smtp.TIMEOUT_S", 0.3)
    smtp.answer_with(command, HANG, HANG)
    with pytest.raises(TransportError, match="did not answer") as failed:
        await a_sink(smtp.url()).send(an_alert())
    assert not failed.value.permanent


async def test_nobody_listens() -> None:
    async with FakeSmtp() as gone:
        url = gone.url("user:hunter2")
    with pytest.raises(TransportError, match="ConnectionRefusedError") as failed:
        await a_sink(url).send(an_alert())
    assert "hunter2" not in failed.value.message


async def test_settings_that_are_taken_away_stop_the_mails_for_now() -> None:
    with pytest.raises(TransportError, match="SMTP_URL") as failed:
        await MailSink(a_target("email", recipients=TO), a_settings_for("")).send(an_alert())
    assert not failed.value.permanent


class TestEncryption:
    login = ("us@er", "hunter2")
    credentials = "us%40er:hunter2"

    async def test_starttls_is_taken_where_it_is_offered(self, tmp_path: Path) -> None:
        async with FakeSmtp(tls=server_context(tmp_path)) as smtp:
            await a_sink(smtp.url()).send(an_alert())
        assert smtp.mails[0].was_encrypted

    @pytest.mark.parametrize("is_smtps", [False, True])
    async def test_a_login_needs_a_certificate_that_is_believed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_smtps: bool
    ) -> None:
        async with FakeSmtp(tls=server_context(tmp_path), is_smtps=is_smtps, login=self.login) as smtp:
            sink = a_sink(smtp.url(self.credentials))
            with pytest.raises(TransportError, match="SSLCertVerificationError"):
                await sink.send(an_alert())
            assert "AUTH" not in smtp.commands
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate_file(tmp_path)))
            await sink.send(an_alert())
        assert (smtp.mails[0].was_encrypted, smtp.mails[0].user) == (True, "us@er")

    async def test_a_password_is_never_sent_in_clear(self) -> None:
        async with FakeSmtp(login=self.login) as smtp:
            with pytest.raises(TransportError, match="offers no encryption") as failed:
                await a_sink(smtp.url(self.credentials)).send(an_alert())
        assert "AUTH" not in smtp.commands and smtp.mails == [] and not failed.value.permanent

    async def test_a_wrong_login_is_the_settings_fault_and_may_pass(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate_file(tmp_path)))
        async with FakeSmtp(tls=server_context(tmp_path), login=self.login) as smtp:
            with pytest.raises(TransportError, match="refused the login") as failed:
                await a_sink(smtp.url("us%40er:wrong")).send(an_alert())
        assert (failed.value.permanent, failed.value.answer) == (False, 535)
        assert "wrong" not in failed.value.message
