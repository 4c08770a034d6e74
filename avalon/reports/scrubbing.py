"""Secrets in what clients send: which keys hold them, and what they look like in running text.

`is_secret_key` says whether a key's value is a secret whatever it is. The checks rewrite a text; each is
linear in its length. A check of every text costs more than decoding the report, so `checks_needed` first
looks over its JSON, once, for what each check needs to find: where that is missing, the check would change
no string decoded from that JSON (a property test holds it to this).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from avalon.reports.members import members_in_source, members_in_text

FILTERED: Final = "[Filtered]"
REPLACEMENT: Final = "\ufffd"

Check = Callable[[str], str]

# sentry-python 2.x, scrubber.py: DEFAULT_DENYLIST, then DEFAULT_PII_DENYLIST; lower case, - as _.
# fmt: off
_NAMES: Final = (
    "password", "passwd", "secret", "api_key", "apikey", "auth", "credentials", "mysql_pwd", "privatekey",
    "private_key", "token", "session", "csrftoken", "sessionid", "x_csrftoken", "x_forwarded_for",
    "set_cookie", "cookie", "authorization", "proxy_authorization", "x_api_key", "aiohttp_session",
    "connect.sid", "csrf_token", "csrf", "_csrf", "_csrf_token", "phpsessid", "_session", "symfony",
    "user_session", "_xsrf", "xsrf_token",
    "x_real_ip", "ip_address", "remote_addr",
)
# fmt: on
# In a frame's variables the SDK for Python writes names as their repr: `b'authorization'`.
_DENYLIST: Final = frozenset(
    before + name + after for name in _NAMES for before, after in (("", ""), ("'", "'"), ("b'", "'"))
)
# What the list means in other people's names: a password or a secret anywhere (but no secretary), the rest at
# the end of the name only, so that `tokens_used`, `author` and `session_duration` stay readable.
_SECRET_NAME: Final = re.compile(
    r"passw(?:or)?d|passphrase|secret(?!ar|io)"
    r"|(?:token|(?:api|private|access|auth|signing|encryption)_?key|credentials?|cookies?|session_?id"
    r"|authorization|jwt|(?:^|[_'])(?:auth|pwd|csrf|xsrf))'?$"
)
_MAX_CACHED_KEY: Final = 64


def is_secret_key(key: str) -> bool:
    """Whether the value under this key is never stored. Upper case and `-` count as lower case and `_`."""
    return _is_secret_cached(key) if len(key) <= _MAX_CACHED_KEY else _is_secret(key)


def fold_key(key: str) -> str:
    """The form in which names of fields are compared: lower case, with `_` for `-`."""
    return key.lower().replace("-", "_")


def _is_secret(key: str) -> bool:
    folded = fold_key(key)
    return folded in _DENYLIST or _SECRET_NAME.search(folded) is not None


_is_secret_cached = lru_cache(maxsize=4096)(_is_secret)


# An issuer's prefix with the length of its cards; together with the check digit few other numbers pass.
_CARD: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|095|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|35(?:2[89]|[3-8]\d))\d{12,15}",  # Discover, UnionPay, JCB
    re.ASCII,
)
_DIGITS: Final = b"0123456789"
_VALUE: Final = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED: Final = bytes.maketrans(_DIGITS, bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def is_card(digits: str) -> bool:
    """Whether these digits are a payment card's number (ISO/IEC 7812): prefix, length and check digit."""
    if not 13 <= len(digits) <= 19 or not _CARD.fullmatch(digits):
        return False
    number = digits.encode()
    return (sum(number[-1::-2].translate(_VALUE)) + sum(number[-2::-2].translate(_DOUBLED))) % 10 == 0


# The checks' expressions begin with something rare and look behind it afterwards: as fast as a plain search.
# A card's is one digit, with what follows only looked at: a number that is none can't hide one inside it.
_CARD_CANDIDATE: Final = re.compile(
    r"[2-6](?<![0-9A-Za-z.][2-6])"
    r"(?=(\d{12,18}|\d{3}(?:[ -]\d{4}){3}(?:[ -]\d{1,3})?|\d{3}[ -]\d{6}[ -]\d{4,5})(?![0-9A-Za-z]))",
    re.ASCII,
)
_SEPARATORS: Final = str.maketrans("", "", " -")
_SIXTEEN_GROUPED: Final = 19
# "Bearer authentication failed" is prose, not a credential.
_BEARER: Final = re.compile(
    r"(bearer[\s:=]{1,4})(?!authenti|authori|credential|certificate|challenge|required|security|validation)"
    r"[\w.~+/=-]{8,}",
    re.ASCII | re.IGNORECASE,
)
# RFC 7519: a JWT's header is a JSON object, and base64url of `{"` is eyJ.
_JWT: Final = re.compile(r"eyJ(?<![\w-]eyJ)[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w-]*+)?", re.ASCII)
_OWN_KEY: Final = re.compile(r"avl_[0-9A-Za-z]{16,}+")
_URL_PASSWORD: Final = re.compile(r"""(://[^\s/:@"'<>]*:)[^\s/"'<>]+@""", re.ASCII)
# fmt: off
_ASSIGNED_NAMES: Final = (
    "password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "api_key", "api-key",
    "access_key", "private_key", "sessionid", "session_id",
)
# fmt: on
_ASSIGNED: Final = "=(?:" + "|".join(f"(?<={name}=)" for name in _ASSIGNED_NAMES) + ")"
# As lines of source are written; without the quotes it is as often prose.
_ASSIGNED_APART: Final = "= (?:" + "|".join(f"(?<={name} = )" for name in _ASSIGNED_NAMES) + ")"
_ASSIGNMENT: Final = re.compile(
    rf"""({_ASSIGNED}["']?)[^\s&;,"'<>)]+|({_ASSIGNED_APART}(["']))(?:(?!\3)(?:\\.|.))++""",
    re.ASCII | re.IGNORECASE,
)
# In quotes and before a text they name a secret more surely than elsewhere.
_MEMBER_NAMES: Final = (*_ASSIGNED_NAMES, "authorization", "auth", "cookie", "session", "jwt", "csrf", "xsrf")
_MEMBER: Final = members_in_text(_MEMBER_NAMES)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def repair(text: str) -> str:
    """Replaces what Postgres can't store: NUL and lone surrogates."""
    text = text.replace("\0", REPLACEMENT)
    return text if text.isascii() else _SURROGATE.sub(REPLACEMENT, text)


def filter_url_passwords(text: str) -> str:
    """Replaces the password in `scheme://user:password@host`."""
    return _URL_PASSWORD.sub(rf"\1{FILTERED}@", text) if "@" in text else text


def filter_bearer(text: str) -> str:
    """Replaces the credential after `Bearer` (RFC 6750)."""
    return _BEARER.sub(rf"\1{FILTERED}", text) if "bearer" in text.lower() else text


def filter_jwts(text: str) -> str:
    """Replaces JSON web tokens, with or without their signature."""
    return _JWT.sub(FILTERED, text)


def filter_own_keys(text: str) -> str:
    """Replaces Avalon's own API keys, also ones that were cut."""
    return _OWN_KEY.sub(FILTERED, text)


def filter_assignments(text: str) -> str:
    """Replaces the value in `password=value`, as in connection strings, and in `password = "value"`."""
    return _ASSIGNMENT.sub(rf"\1\2{FILTERED}", text) if "=" in text else text


def filter_members(text: str) -> str:
    """Replaces the value in `"password": "value"` and its like, as of a body or a dictionary in a text."""
    return _MEMBER.sub(rf":\1{FILTERED}", text) if '":' in text or "':" in text else text


def filter_cards(text: str) -> str:
    """Replaces card numbers of 13 to 19 digits, solid or in groups with spaces or dashes."""
    pieces: list[str] = []
    done = 0
    for match in _CARD_CANDIDATE.finditer(text):
        start = match.start()
        if start >= done and (length := _card_length(match[0] + match[1])):
            pieces += (text[done:start], FILTERED)
            done = start + length
    return "".join((*pieces, text[done:])) if pieces else text


def _card_length(candidate: str) -> int:
    """How much of the candidate is a card: all, all but a fifth group (a security code), or nothing."""
    if is_card(candidate.translate(_SEPARATORS)):
        return len(candidate)
    if len(candidate) <= _SIXTEEN_GROUPED:
        return 0
    sixteen = candidate[:_SIXTEEN_GROUPED].translate(_SEPARATORS)
    return _SIXTEEN_GROUPED if is_card(sixteen) else 0


# In this order: a URL's password may look like anything, and of `token=Bearer …` nothing may stay behind.
ALL_CHECKS: Final[tuple[Check, ...]] = (
    repair,
    filter_url_passwords,
    filter_bearer,
    filter_jwts,
    filter_own_keys,
    filter_assignments,
    filter_members,
    filter_cards,
)

# Escapes that could hide what the tests below look for: NUL, printable ASCII, surrogates.
_HIDING_ESCAPE: Final = re.compile(rb"\\u(?:0000|00[2-7]|d[89a-f])")
_MEMBERS_IN_JSON: Final = members_in_source(_MEMBER_NAMES)

_AS_ZERO: Final = bytes(48 if 48 <= byte <= 57 else 46 for byte in range(256))
_THIRTEEN_DIGITS: Final = b"0" * 13
# A search for an expression that begins with a literal takes half as long as `in`.
_BEARER_IN_JSON: Final = re.compile(rb"bearer")
_JWT_IN_JSON: Final = re.compile(rb"eyJ")
_OWN_KEY_IN_JSON: Final = re.compile(rb"avl_")
# JSON may write / as \/.
_URL_PASSWORD_IN_JSON: Final = re.compile(rb""":\\?/\\?/[^\s/:@]*:[^\s/]+@""")
_LAST_LETTERS: Final = "".join(sorted({name[-1] for name in _ASSIGNED_NAMES}))
_ASSIGNED_IN_JSON: Final = re.compile(
    rf"""=(?:(?<=[{_LAST_LETTERS}]=){_ASSIGNED[1:]}|(?<= =){_ASSIGNED_APART[1:]}\\?["'])""".encode()
)


def may_hide(source: bytes) -> bool:
    """Whether printable ASCII may stand behind escapes in this JSON text, which is in lower case."""
    return b"\0" in source or _HIDING_ESCAPE.search(source) is not None


def checks_needed(source: bytes) -> tuple[Check, ...]:
    """Those checks, in order, that could change any string decoded from this JSON text."""
    folded = source.lower()
    if may_hide(folded):
        return ALL_CHECKS
    needed: list[Check] = []
    if b"@" in source and _URL_PASSWORD_IN_JSON.search(source):
        needed.append(filter_url_passwords)
    if _BEARER_IN_JSON.search(folded):
        needed.append(filter_bearer)
    if _JWT_IN_JSON.search(source):
        needed.append(filter_jwts)
    if _OWN_KEY_IN_JSON.search(source):
        needed.append(filter_own_keys)
    if b"=" in source and _ASSIGNED_IN_JSON.search(folded):
        needed.append(filter_assignments)
    if any(member.search(folded) for member in _MEMBERS_IN_JSON):
        needed.append(filter_members)
    if _THIRTEEN_DIGITS in source.translate(_AS_ZERO, b" -"):
        needed.append(filter_cards)
    return tuple(needed)
