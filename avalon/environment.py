"""What the environment says: where a variable's text comes from, and what a text can mean.

The real environment comes before `.env`, and in each of them `NAME_FILE` (a path) stands for a secret `NAME`.
An empty value is an unset one. The parsers raise ValueError with what to do; they never repeat the value,
which may be a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from avalon.errors import SettingsError


def read_dotenv(file: Path) -> dict[str, str]:
    """The variables of a `.env` file, read as Docker Compose does but for `${…}`; {} where there is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} can't be read: {error}") from None
    matches = (re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", line) for line in lines)
    return {match[1]: _dotenv_value(match[2]) for match in matches if match}


def _dotenv_value(written: str) -> str:
    quoted = re.match(r"""'([^']*)'|"([^"]*)\"""", written)
    if quoted:
        return quoted[1] if quoted[1] is not None else quoted[2]
    return re.sub(r"(^|\s+)#.*$", "", written).strip()


def find_text(layers: list[Mapping[str, str]], variable: str, *, secret: bool) -> str:
    """The variable's text, or that of the file its `_FILE` twin names, from the first layer with one."""
    for layer in layers:
        given = layer.get(variable, "").strip()
        file = layer.get(f"{variable}_FILE", "").strip() if secret else ""
        if given and file:
            raise SettingsError(f"{variable} and {variable}_FILE are both set; keep one of them")
        if given:
            return given
        if file:
            return _secret_file(variable, Path(file))
    return ""


def _secret_file(variable: str, file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}_FILE: {file} can't be read: {error}") from None
    if not secret:
        raise SettingsError(f"{variable}_FILE: {file} is empty; write the secret into it")
    return secret


def text(value: str) -> str:
    return value


def path(value: str) -> Path:
    return Path(value).expanduser()


def whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise ValueError(f"give a whole number from {least} to {most}")
        return int(value)

    return parse


def postgres_url(value: str) -> str:
    from psycopg import Error, conninfo  # here, because only a start with a database needs it

    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("give a URL such as postgresql://user:password@host:5432/avalon")
    try:
        conninfo.conninfo_to_dict(value)
    except Error:
        raise ValueError(
            "Postgres can't read this URL; only its own parameters may follow a `?` (not Prisma's `schema`),"
            " and a special character in a password is written as %40 and the like"
        ) from None
    return value


def web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give a URL that starts with https:// or http://")
    return value


def public_url(value: str) -> str:
    parts = urlsplit(web_url(value))
    if parts.query or parts.fragment or parts.username or parts.path.strip("/"):
        raise ValueError("give the plain address that people open, such as https://avalon.example.org")
    return value.rstrip("/")


def smtp_url(value: str) -> str:
    parts = urlsplit(value)
    is_plain = re.fullmatch(r"(.*@)?[^:@]+(:[0-9]{1,5})?|(.*@)?\[[^]]+\](:[0-9]{1,5})?", parts.netloc)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not is_plain or parts.path.strip("/"):
        raise ValueError("give a URL such as smtp://user:password@mail.example.org:587")
    return value


def mail_address(value: str) -> str:
    if (
        not re.fullmatch(
            r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", value, re.A
        )
        or "=?" in value
    ):
        # An encoded word (RFC 2047): the standard library would decode it, line breaks and all.
        raise ValueError("give an e-mail address such as avalon@example.org")
    return value


def mail_sender(value: str) -> str:
    """`avalon@example.org` or `Avalon <avalon@example.org>`."""
    named = re.fullmatch(r"([\w .'-]{1,60}) <([^<>]+)>", value)
    mail_address(named[2] if named else value)
    return value


def _items(value: str) -> list[str]:
    return [item.lower() for item in re.split(r"[,\s]+", value) if item]


def origins(value: str) -> tuple[str, ...]:
    found = tuple(_items(value))
    if not all(re.fullmatch(r"https?://[^/\s?#@*]+", origin) for origin in found):
        raise ValueError("give origins such as https://shop.example.org, without a path; empty means any")
    return found


def hosts_with_ports(value: str) -> frozenset[str]:
    found = frozenset(_items(value))
    if not all(re.fullmatch(r"(\[[0-9a-f:]+\]|[^:/\s]+):[0-9]{1,5}", host) for host in found):
        raise ValueError("give host:port, separated by commas, such as chat.internal:8065")
    return found


def networks(value: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(item)) for item in _items(value))
    except ValueError:
        raise ValueError("give addresses or networks, separated by commas, such as 10.0.0.0/8") from None
