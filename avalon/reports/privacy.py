"""What a key adds to the scrubbing of its reports: more names of secret fields, and no IP addresses.

A name holds for a field of the report itself (`server_name`, `vars`) as for any field that a client puts into
it, at any depth, and for `name=value` and `"name": "value"` in running text. `cleaner_for` gives keys without
rules the plain Cleaner, so that they pay nothing for this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from avalon.reports.addresses import filter_addresses
from avalon.reports.cleaning import MARGIN, Cleaner
from avalon.reports.limits import MAX_TEXT
from avalon.reports.scrubbing import FILTERED, fold_key, is_secret_key, may_hide

MAX_FIELD_NAME: Final = 64

# fmt: off
# Whatever these say is an address, or stands for one (RFC 7239 §6.3), beside those that are always filtered.
_ADDRESS_NAMES: Final = frozenset((
    "ip", "client_ip", "remote_ip", "ip_addr", "remote_address", "client_address", "remote_host", "forwarded",
    "x_forwarded", "forwarded_for", "x_original_forwarded_for", "x_client_ip", "x_cluster_client_ip",
    "true_client_ip", "cf_connecting_ip", "cf_connecting_ipv6", "cf_pseudo_ipv4", "fastly_client_ip",
    "fly_client_ip", "x_appengine_user_ip", "x_azure_clientip", "x_azure_socketip",
    "x_envoy_external_address",
))
# fmt: on
# What is a version by its name has up to four numbers, too.
_VERSION: Final = re.compile(r"(?:version|release|dist|build)$|\.(?:modules|packages)\.")
_VALUE: Final = re.compile(r"""(["']?)[^\s&;,"'<>)]+""")
# Behind a name in quotes, as in JSON and in Python's repr, perhaps escaped: where its value, a text, begins.
_MEMBER: Final = re.compile(r"""\\?(["']):\s?b?(\\?["'])""")
_UP_TO: Final = {
    end: re.compile(rf"(?:(?!{re.escape(end)})(?:\\.|.))+", re.DOTALL) for end in ('"', "'", r"\"", r"\'")
}
_WORD_SIGN: Final = re.compile(r"[\w-]")

_PLAIN_NAME: Final = re.compile(r"[a-z0-9_.$ ]+")


class Privacy:
    """The rules of one key."""

    __slots__ = ("_are_plain", "_assigned", "_assigned_names", "_names", "drops_addresses")

    def __init__(self, fields: Iterable[str], *, drop_ip_addresses: bool) -> None:
        named = {fold_key(field) for field in fields}
        self.drops_addresses = drop_ip_addresses
        self._names = frozenset(named | _ADDRESS_NAMES) if drop_ip_addresses else frozenset(named)
        self._assigned_names = tuple(sorted(named))
        self._are_plain = all(map(_PLAIN_NAME.fullmatch, named))
        # Only where a name's last character stands before the sign is more looked at.
        last = {re.escape(case) for name in named for case in (name[-1], name[-1].upper())}
        self._assigned = re.compile(f"=(?<=[{''.join(sorted(last))}-]=)")

    def names(self, key: str) -> bool:
        """Whether these rules name the field, also where it is Python's repr, as in a frame's variables."""
        folded = fold_key(key)
        return folded in self._names or (folded[-1:] == "'" and _unquoted(folded) in self._names)

    def may_assign(self, source: bytes | None) -> bool:
        """Whether `name=value` or `"name": "value"` may stand in a string decoded from this JSON."""
        if source is None:
            return bool(self._assigned_names)
        if not any(sign in source for sign in (b"=", b"':", b'\\":', b"\\u")):
            return False
        folded = source.lower()
        if not self._are_plain or may_hide(folded):
            return True
        folded = folded.replace(b"-", b"_")
        return any(name.encode() in folded for name in self._assigned_names)

    def filter_assignments(self, text: str) -> str:
        """Replaces the value in `name=value`, for each of the names as a whole word."""
        folded = fold_key(text)
        present = tuple(name for name in self._assigned_names if name in folded)
        pieces: list[str] = []
        done = 0
        for match in self._assigned.finditer(text) if present else ():
            if match.start() < done or not _ends_with(text, match.start(), present):
                continue
            value = _VALUE.match(text, match.end())
            if value:
                pieces += (text[done : match.end()], value[1], FILTERED)
                done = value.end()
        return "".join((*pieces, text[done:])) if pieces else text

    def filter_members(self, text: str) -> str:
        """Replaces the value in `"name": "value"`, for each of the names."""
        pieces: list[str] = []
        done = 0
        for match in _MEMBER.finditer(text):
            if match.start() < done:
                continue
            before = text[max(0, match.start() - MAX_FIELD_NAME - 1) : match.start()]
            _, begins, name = before.rpartition(match[1])
            if not begins or fold_key(name) not in self._names:
                continue
            if value := _UP_TO[match[2]].match(text, match.end()):
                pieces += (text[done : match.end()], FILTERED)
                done = value.end()
        return "".join((*pieces, text[done:])) if pieces else text


def _unquoted(name: str) -> str:
    return name.removeprefix("b").strip("'")


def _ends_with(text: str, end: int, names: tuple[str, ...]) -> bool:
    """Whether one of the names ends there, and begins where a word does."""
    folded = fold_key(text[max(0, end - MAX_FIELD_NAME - 1) : end])
    return folded.endswith(names) and any(
        folded.endswith(name) and not _WORD_SIGN.match(folded[: -len(name)][-1:]) for name in names
    )


class PrivateCleaner(Cleaner):
    """A Cleaner that goes by a key's rules, too."""

    __slots__ = ("_may_assign", "_privacy", "keeps_addresses")

    def __init__(self, source: bytes | None, privacy: Privacy) -> None:
        super().__init__(source)
        self._privacy = privacy
        self._may_assign = privacy.may_assign(source)
        self.keeps_addresses = not privacy.drops_addresses and not privacy.names("ip_address")
        self.is_plain = self.is_plain and not privacy.drops_addresses and not self._may_assign

    def is_secret(self, key: str) -> bool:
        """Whether the value under this key is never stored."""
        return _is_secret_cached(self._privacy, key) if len(key) <= MAX_FIELD_NAME else is_secret_key(key)

    def text(self, value: str, limit: int, field: str) -> str:
        """As for every key; and before that, what the rules say of the field and of what stands in it."""
        if value and _is_named(self._privacy, field):
            return FILTERED[:limit]
        if len(value) > limit:
            self.note(field, len(value))
            value = value[: limit + MARGIN]
        if self._may_assign and "=" in value:
            value = self._privacy.filter_assignments(value)
        if self._may_assign and ":" in value:
            value = self._privacy.filter_members(value)
        if self._privacy.drops_addresses and not _VERSION.search(field):
            value = filter_addresses(value)
        return super().text(value, limit, field)

    def free_form(self, values: dict[str, Any], field: str, limit: int = MAX_TEXT["free"]) -> dict[str, Any]:
        """As for every key; nothing where the rules name the field itself."""
        return {} if _is_named(self._privacy, field) else super().free_form(values, field, limit)


@lru_cache(maxsize=4096)
def _is_secret_cached(privacy: Privacy, key: str) -> bool:
    return is_secret_key(key) or privacy.names(key)


@lru_cache(maxsize=4096)
def _is_named(privacy: Privacy, field: str) -> bool:
    """Whether the rules name the last part of it: `vars` of `exceptions[].frames[].vars`."""
    return privacy.names(field.rpartition(".")[2].removesuffix("[]"))


def cleaner_for(source: bytes | None, privacy: Privacy | None) -> Cleaner:
    """The cleaner of a report that comes in with a key; `source` as Cleaner takes it."""
    return Cleaner(source) if privacy is None else PrivateCleaner(source, privacy)
