"""One e-mail to a mail server, in a thread of its own, and what the server's answers mean (RFC 5321 §4.2).

Where SMTP_URL has a password, the connection is encrypted and the server's certificate checked before it is
sent. Without one STARTTLS is taken where it is offered and as it is offered (RFC 7435). A refusal of all
recipients for good switches the sink off; a wrong login or sender is the setting's fault and may pass.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import unquote, urlsplit

import msgspec

from avalon.errors import MessageRefused, TransportError

# A server may think long before it says hello; the lease lasts longer still.
TIMEOUT_S = 12.0
# A server that hangs holds up these threads and none that others wait for; who gets none in time tries again.
_THREADS = ThreadPoolExecutor(4, "smtp")
DEFAULT_PORTS = {"smtp": 587, "smtps": 465}


class Server(msgspec.Struct, frozen=True):
    """What SMTP_URL says."""

    host: str
    port: int
    is_tls: bool
    user: str
    password: str


def server_of(url: str) -> Server:
    parts = urlsplit(url)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Server(parts.hostname or "", port, parts.scheme == "smtps", user, password)


async def send_mail(url: str, sender: str, recipients: list[str], mail: bytes) -> dict[str, int]:
    """Hands one e-mail over; the recipients that were refused while others were not, with their codes.

    Raises TransportError, MessageRefused. No error repeats an address or a word of the server's.
    """
    talk = _Talk(server_of(url))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            loop = asyncio.get_running_loop()
            refused = await loop.run_in_executor(_THREADS, talk.hand_over, sender, recipients, mail)
    except smtplib.SMTPException as error:
        raise _classify(error) from None
    except TimeoutError:
        raise TransportError(f"the mail server did not answer within {TIMEOUT_S:g} s") from None
    except OSError as error:
        raise TransportError(f"the connection to the mail server failed ({type(error).__name__})") from None
    finally:
        talk.abort()
    return {recipient: code for recipient, (code, _) in refused.items()}


class _Talk:
    """One conversation; its thread ends soon after `abort`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def hand_over(self, sender: str, recipients: list[str], mail: bytes) -> dict[str, tuple[int, bytes]]:
        smtp = self._smtp = self._connect()
        try:
            self._secure(smtp)
            refused = smtp.sendmail(sender, recipients, mail)
            with suppress(smtplib.SMTPException, OSError):  # it has the message, whatever it says now
                smtp.quit()
            return refused
        finally:
            smtp.close()

    def abort(self) -> None:
        sock = self._smtp.sock if self._smtp else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        name = socket.gethostname()  # without a look-up, which may take long
        name = name if "." in name else "[127.0.0.1]"
        if server.is_tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(server.host, server.port, name, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT_S)

    def _secure(self, smtp: smtplib.SMTP) -> None:
        """STARTTLS and the login, as far as they are wanted. Raises SMTPException, OSError."""
        server = self._server
        smtp.ehlo_or_helo_if_needed()
        if not server.is_tls and (server.user or smtp.has_extn("starttls")):
            smtp.starttls(context=_context(is_checked=bool(server.user)))
            smtp.ehlo()
        if server.user:
            smtp.login(server.user, server.password)


def _context(*, is_checked: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not is_checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _classify(error: smtplib.SMTPException) -> TransportError:
    """For good only where nobody will ever get it: all recipients, or this one message."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = sorted({code for code, _ in error.recipients.values()})
            said = f"the mail server refused every recipient ({', '.join(map(str, codes))})"
            return TransportError(said, permanent=min(codes) >= 500, answer=codes[0])
        case smtplib.SMTPDataError() if error.smtp_code >= 500:
            said = f"the mail server refused the message ({error.smtp_code})"
            return MessageRefused(said, answer=error.smtp_code)
        case smtplib.SMTPAuthenticationError():
            return TransportError(
                f"the mail server refused the login ({error.smtp_code})", answer=error.smtp_code
            )
        case smtplib.SMTPSenderRefused():
            return TransportError(
                f"the mail server refused the sender ({error.smtp_code})", answer=error.smtp_code
            )
        case smtplib.SMTPResponseException():
            return TransportError(f"the mail server answered {error.smtp_code}", answer=error.smtp_code)
        case smtplib.SMTPNotSupportedError():
            return TransportError(
                "the mail server offers no encryption, and a password is never sent without"
            )
    return TransportError(f"the mail server did not go on ({type(error).__name__})")
