"""What a key adds to the scrubbing of its reports: more names of secret fields, and no IP addresses.

A name holds for a field of the report itself (`server_name`, `vars`) as for any field that a client puts into
it, at any depth, and for `name=value`, `name = "value"` and `"name": "value"` in running text. `cleaner_for`
gives keys without rules the plain Cleaner, so that they pay nothing for this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from avalon.reports.addresses import filter_addresses
from avalon.reports.canonical import Frame
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
_VERSION: Final = re.compile(r"(?:version|release|dist|build)$|\.(?:modules|packages)\.", re.IGNORECASE)
_WORD_SIGN: Final = re.compile(r"[\w-]")
# In a frame's variables the SDK for Python writes names as their repr.
_AS_REPR: Final = re.compile(r"b?'(.*)'")
# Where a value may begin: behind `name=`, also as a line of source has it, and behind the name of a member,
# as JSON and Python's repr have it in a text, maybe escaped. Group 1 of a value is what opens it, and stays.
_SIGN: Final = re.compile(r"""=| = (?=["'])|:(?<=["']:)""")
_VALUE: Final = {
    "=": re.compile(r"""(["']?)[^\s&;,"'<>)]+"""),
    " = ": re.compile(r"""(["'])(?:(?!\1)(?:\\.|.))++"""),
    ":": re.compile(
        r"""(\s{0,2}b?(\\{0,3}["']))(?:(?!\2)(?:\\.|.))++|(\s{0,2})(?:[{\[][^{}\[\]]*+[}\]]?|[^\s,{}\[\]"'\\]++)""",
        re.DOTALL,
    ),
}

_PLAIN_NAME: Final = re.compile(r"[a-z0-9_.$ ]+")


class Privacy:
    """The rules of one key."""

    __slots__ = ("_are_plain", "_given", "_names", "drops_addresses", "innocent", "names_frames")

    def __init__(self, fields: Iterable[str], *, drop_ip_addresses: bool) -> None:
        named = {fold_key(field) for field in fields}
        self.drops_addresses = drop_ip_addresses
        self._names = frozenset(named | _ADDRESS_NAMES) if drop_ip_addresses else frozenset(named)
        self._given = tuple(sorted(named))
        self._are_plain = all(map(_PLAIN_NAME.fullmatch, named))
        self.innocent: set[str] = set()
        # As we call a frame's fields, which need not be what a client calls them.
        self.names_frames = any(map(self.names, Frame.__struct_fields__))

    def names(self, key: str) -> bool:
        """Whether these rules name the field."""
        folded = fold_key(key)
        as_repr = _AS_REPR.fullmatch(folded)
        return (as_repr[1] if as_repr else folded) in self._names

    def may_stand_in(self, source: bytes | None) -> bool:
        """Whether one of the names may stand in a string decoded from this JSON."""
        if source is None or not self._are_plain:
            return bool(self._given)
        folded = source.lower()
        if may_hide(folded):
            return bool(self._given)
        folded = folded.replace(b"-", b"_")
        return any(name.encode() in folded for name in self._given)

    def filter_text(self, text: str) -> str:
        """Replaces the value behind each of the names, where it is a whole word: see `_SIGN`."""
        folded = fold_key(text)
        present = tuple(name for name in self._given if name in folded)
        pieces: list[str] = []
        done = 0
        for sign in _SIGN.finditer(text) if present else ():
            if sign.start() < done or not _is_behind(sign, present):
                continue
            value = _VALUE[sign[0]].match(text, sign.end())
            if value:
                pieces += (text[done : sign.end()], value[1] or "", FILTERED)
                done = value.end()
        return "".join((*pieces, text[done:])) if pieces else text


def _is_behind(sign: re.Match[str], names: tuple[str, ...]) -> bool:
    """Whether a name stands before the sign, in quotes before a colon, and begins where a word does."""
    folded = fold_key(sign.string[max(0, sign.start() - MAX_FIELD_NAME - 5) : sign.start()])
    if sign[0] == ":":
        folded = folded.rstrip("\"'\\")
    return folded.endswith(names) and any(
        folded.endswith(name) and not _WORD_SIGN.match(folded[: -len(name)][-1:]) for name in names
    )


class PrivateCleaner(Cleaner):
    """A Cleaner that goes by a key's rules, too."""

    __slots__ = ("_may_name", "_privacy", "innocent", "keeps_addresses")

    def __init__(self, source: bytes | None, privacy: Privacy) -> None:
        super().__init__(source)
        self._privacy = privacy
        self._may_name = privacy.may_stand_in(source)
        self.keeps_addresses = not privacy.drops_addresses and not privacy.names("ip_address")
        self.innocent = privacy.innocent
        may_change = privacy.drops_addresses or self._may_name or privacy.names_frames
        self.is_plain = self.is_plain and not may_change

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
        if self._may_name and ("=" in value or ":" in value):
            value = self._privacy.filter_text(value)
        if self._privacy.drops_addresses and not _VERSION.search(field):
            value = filter_addresses(value)
        return super().text(value, limit, field)

    def lines(self, lines: list[str], limit: int, field: str) -> list[str]:
        """As for every key, but for a field that the rules name."""
        is_named = _is_named(self._privacy, field)
        return [FILTERED] * len(lines) if is_named else super().lines(lines, limit, field)

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
