"""Session tokens: JWTs under HS256, one pinned algorithm and one key for the whole cluster.

A token names a session and the session version of its user. It is valid only while that session's row
stands and the version is still the user's (`avalon.auth.sessions`); the signature alone lets nobody in.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import jwt
import msgspec

from avalon.database import Database
from avalon.errors import SettingsError, Unauthorized
from avalon.statements import load

sql = load("auth")

ALGORITHM: Final = "HS256"
ISSUER: Final = "avalon"
AUDIENCE: Final = "avalon-dashboard"
CLAIMS: Final = ["iss", "aud", "sub", "sid", "jti", "sv", "iat", "exp"]
MIN_KEY_BYTES: Final = 32  # RFC 7518 §3.2
MAX_TOKEN_SIGNS: Final = 2048

KEY_NAME: Final = "jwt_key"


class Claims(msgspec.Struct, frozen=True):
    """What a token says."""

    user: UUID
    session: UUID
    session_version: int


class Tokens:
    """Signs and reads tokens under one key."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise SettingsError(f"JWT_SECRET: give at least {MIN_KEY_BYTES} bytes")
        self._key = key

    def sign(self, claims: Claims, issued_at: datetime, expires_at: datetime) -> str:
        """A token of its own; two for one session differ in `jti`."""
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(claims.user),
            "sid": str(claims.session),
            "jti": secrets.token_urlsafe(12),
            "sv": claims.session_version,
            "iat": issued_at,
            "exp": expires_at,
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM)

    def read(self, token: str) -> Claims:
        """The claims of a token that we signed; raises Unauthorized for every other text."""
        if len(token) > MAX_TOKEN_SIGNS:
            raise Unauthorized
        try:
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Postgres's clock stamps tokens and a replica's reads them: one that is behind must not take
                # a new token for one from the future.
                options={"require": CLAIMS, "strict_aud": True, "verify_iat": False},
            )
            return _as_claims(payload)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthorized("this session is over; sign in again") from None


def _as_claims(payload: dict[str, Any]) -> Claims:
    if type(payload["sv"]) is not int:
        raise ValueError("sv")
    return Claims(UUID(payload["sub"]), UUID(payload["sid"]), payload["sv"])


async def shared_key(database: Database) -> bytes:
    """The key that all replicas share: made by whichever comes first, and kept in Postgres."""
    found = await database.fetch_value(sql.secret, {"secret_name": KEY_NAME})
    if found is None:
        made = {"secret_name": KEY_NAME, "value": secrets.token_bytes(MIN_KEY_BYTES)}
        await database.execute(sql.make_secret, made)
        found = await database.fetch_value(sql.secret, {"secret_name": KEY_NAME})
    return bytes(found)
