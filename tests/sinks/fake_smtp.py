"""A mail server on loopback: RFC 5321's order of commands and limits, STARTTLS, AUTH, and a ledger of mails.

`async with FakeSmtp() as smtp` listens on a free port. `answer_with` prepares what is said to a command the
next time; without it the server says yes to whatever stands in the right order.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import NamedTuple

MAX_LINE = 1000  # RFC 5321 §4.5.3.1.6, with its CRLF
HANG = "hang"
DROP = "drop"


class Mail(NamedTuple):
    """One mail that the server took."""

    sender: str
    recipients: list[str]
    raw: bytes
    was_encrypted: bool
    user: str

    @property
    def message(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=policy.SMTP)
        assert isinstance(found, EmailMessage)
        return found


class FakeSmtp:
    """The server and its ledger."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        is_smtps: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.mails: list[Mail] = []
        self.commands: list[str] = []
        self._tls, self._is_smtps, self._login = tls, is_smtps, login
        self._prepared: dict[str, list[str]] = {}
        self._talks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FakeSmtp:
        context = self._tls if self._is_smtps else None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def url(self, credentials: str = "", host: str = "127.0.0.1") -> str:
        scheme = "smtps" if self._is_smtps else "smtp"
        return f"{scheme}://{credentials and credentials + '@'}{host}:{self.port}"

    def answer_with(self, command: str, *lines: str) -> None:
        """What is said to the next commands of this name, or instead of them: HANG, DROP."""
        self._prepared.setdefault(command, []).extend(lines)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            await _Session(self, reader, writer, is_encrypted=self._is_smtps).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    def take_prepared(self, command: str) -> str | None:
        lines = self._prepared.get(command, [])
        return lines.pop(0) if lines else None

    @property
    def extensions(self) -> list[str]:
        return (["STARTTLS"] if self._tls and not self._is_smtps else []) + (
            ["AUTH PLAIN"] if self._login else []
        )

    @property
    def tls(self) -> ssl.SSLContext | None:
        return self._tls

    def knows(self, user: str, password: str) -> bool:
        return (user, password) == self._login


class _Session:
    """One conversation."""

    def __init__(
        self,
        server: FakeSmtp,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_encrypted: bool,
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._is_encrypted = is_encrypted
        self._user = self._sender = ""
        self._recipients: list[str] = []

    async def run(self) -> None:
        await self._say(self._server.take_prepared("CONNECT") or "220 fake ESMTP")
        while line := (await self._reader.readline()).decode("ascii").rstrip("\r\n"):
            command = line.split(" ")[0].upper()
            self._server.commands.append(command)
            prepared = self._server.take_prepared(command)
            if prepared == HANG:
                await asyncio.get_running_loop().create_future()
            if prepared == DROP:
                return
            await self._say(prepared or await self._answer(command, line))
            if prepared and command == "STARTTLS":
                continue
            if command == "STARTTLS":
                await self._writer.start_tls(self._server.tls or ssl.create_default_context())
                self._is_encrypted = True
            if command == "QUIT":
                return

    async def _answer(self, command: str, line: str) -> str:
        match command:
            case "EHLO":
                return "\r\n".join(
                    ["250-fake", *(f"250-{e}" for e in self._server.extensions), "250 8BITMIME"]
                )
            case "AUTH":
                return self._log_in(line.split(" ")[2])
            case "MAIL":
                self._sender, self._recipients = _address(line), []
                return "250 OK"
            case "RCPT":
                self._recipients.append(_address(line))
                return "250 OK"
            case "DATA":
                return await self._data()
            case "STARTTLS" | "RSET" | "NOOP":
                return "220 OK" if command == "STARTTLS" else "250 OK"
            case "QUIT":
                return "221 bye"
        return "500 what?"

    def _log_in(self, encoded: str) -> str:
        _, user, password = base64.b64decode(encoded).decode().split("\0")
        if not self._server.knows(user, password):
            return "535 no"
        self._user = user
        return "235 yes"

    async def _data(self) -> str:
        if not self._recipients:
            return "503 nobody to send it to"
        await self._say("354 go on")
        lines: list[bytes] = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line.endswith(b"\r\n") or len(line) > MAX_LINE or not line.isascii():
                return "500 a line that is too long, bare or not ASCII"
            lines.append(line.removeprefix(b"."))
        prepared = self._server.take_prepared("BODY")
        if prepared:
            return prepared
        self._server.mails.append(
            Mail(self._sender, self._recipients, b"".join(lines), self._is_encrypted, self._user)
        )
        return "250 taken"

    async def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")
        await self._writer.drain()


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]
