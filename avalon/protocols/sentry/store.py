"""The bodies of SDKs from before envelopes: an event's JSON, as it is, packed, or packed and in base64."""

from __future__ import annotations

import binascii
from typing import Final

from avalon.errors import BadInput
from avalon.inflate import inflate

_GZIP: Final = b"\x1f\x8b"
_ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def unpack_store_body(body: bytes, limit: int) -> bytes:
    """The event's JSON, at most `limit` bytes; raises BadInput where a packed body can't be unpacked."""
    if not body.startswith((_GZIP, *_ZLIB)) and body.lstrip()[:1] not in (b"", b"{", b"\xef"):
        try:
            body = binascii.a2b_base64(body)
        except binascii.Error:
            raise BadInput("expected an event as JSON, or packed by zlib in base64") from None
    if body.startswith(_GZIP):
        return inflate(body, "gzip", limit)
    return inflate(body, "deflate", limit) if body.startswith(_ZLIB) else body
