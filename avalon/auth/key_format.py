"""What an API key looks like: `avl_`, 32 random signs of base62 (190 bits), and their CRC32 in six more.

The checksum lets scanners recognise a key that leaked, and lets us refuse a slip of the pen without asking
Postgres (https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/). It is no secret.
"""

from __future__ import annotations

import re
import secrets
import string
from binascii import crc32
from hashlib import sha256
from typing import Final

ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
START: Final = "avl_"
RANDOM_SIGNS: Final = 32
CHECKSUM_SIGNS: Final = 6
# What is shown of a key in lists: enough to tell keys apart, and 154 bits stay unknown.
SHOWN_SIGNS: Final = len(START) + 6

_SHAPE: Final = re.compile(rf"{START}[0-9A-Za-z]{{{RANDOM_SIGNS + CHECKSUM_SIGNS}}}")


def new_key() -> str:
    """A key that nobody has had before."""
    body = START + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_SIGNS))
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Whether this can be a key of ours at all."""
    return bool(_SHAPE.fullmatch(key)) and key.endswith(_checksum(key[:-CHECKSUM_SIGNS]))


def fingerprint(key: str) -> bytes:
    """What is stored of a key; a plain hash will do for 190 random bits (OWASP ASVS 5.0, 6.5.2)."""
    return sha256(key.encode("utf-8", "replace")).digest()


def shown(key: str) -> str:
    """The beginning of a key, for lists."""
    return key[:SHOWN_SIGNS]


def dsn_of(key: str, base_url: str) -> str:
    """What Sentry's SDKs are given: address and key in one line. The project's number means nothing to us."""
    scheme, _, host = base_url.partition("://")
    return f"{scheme}://{key}@{host}/1"


def _checksum(body: str) -> str:
    number = crc32(body.encode())
    signs = []
    for _ in range(CHECKSUM_SIGNS):
        number, sign = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[sign])
    return "".join(reversed(signs))
