"""Session tokens: ours are read, all others are refused."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from avalon.auth.tokens import AUDIENCE, CLAIMS, ISSUER, Claims, Tokens
from avalon.errors import SettingsError, Unauthorized
from avalon.events import uuid7

KEY = b"k" * 32
CLAIMED = Claims(uuid7(), uuid7(), 3)


def payload(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(CLAIMED.user),
        "sid": str(CLAIMED.session),
        "jti": "x",
        "sv": CLAIMED.session_version,
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


def by_hand(header: dict[str, Any], claims: dict[str, Any], key: bytes = KEY, digest: str = "sha256") -> str:
    """A token that no library would make."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = hmac.digest(key, b".".join(parts), digest) if digest else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def is_refused(token: str) -> bool:
    try:
        Tokens(KEY).read(token)
    except Unauthorized:
        return True
    return False


def test_a_token_of_ours_is_read() -> None:
    now = datetime.now(UTC)
    tokens = Tokens(KEY)
    one, two = (tokens.sign(CLAIMED, now, now + timedelta(hours=24)) for _ in range(2))
    assert tokens.read(one) == tokens.read(two) == CLAIMED
    assert one != two
    said = jwt.decode(one, options={"verify_signature": False})
    assert set(said) == set(CLAIMS)
    assert said["exp"] - said["iat"] == 24 * 3600


def test_the_hand_made_token_is_read_where_nothing_is_wrong_with_it() -> None:
    """The control of all refusals below."""
    assert not is_refused(by_hand({"alg": "HS256", "typ": "JWT"}, payload()))


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_missing_claim_is_refused(claim: str) -> None:
    assert is_refused(by_hand({"alg": "HS256"}, payload(**{claim: ...})))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"aud": "another"},
        {"aud": [AUDIENCE, "another"]},
        {"exp": int(time.time()) - 1},
        {"exp": "never"},
        {"exp": None},
        {"sub": "admin"},
        {"sub": 7},
        {"sid": ""},
        {"sv": "3"},
        {"sv": True},
        {"sv": None},
        {"nbf": int(time.time()) + 600},
    ],
)
def test_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    assert is_refused(by_hand({"alg": "HS256"}, payload(**changes)))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_no_algorithm_is_refused(algorithm: str) -> None:
    assert is_refused(by_hand({"alg": algorithm}, payload(), digest=""))
    assert is_refused(by_hand({"alg": algorithm}, payload()))


def test_another_algorithm_is_refused_even_under_our_key() -> None:
    assert is_refused(by_hand({"alg": "HS512"}, payload(), digest="sha512"))
    assert is_refused(by_hand({"alg": "HS384"}, payload(), digest="sha384"))
    assert is_refused(by_hand({"alg": "RS256"}, payload()))
    assert is_refused(by_hand({}, payload()))


def test_another_key_is_refused() -> None:
    assert is_refused(by_hand({"alg": "HS256"}, payload(), key=b"x" * 32))
    assert is_refused(by_hand({"alg": "HS256", "jwk": {"kty": "oct", "k": "eHh4"}}, payload(), key=b"xxx"))


def test_a_changed_token_is_refused() -> None:
    head, body, signature = by_hand({"alg": "HS256"}, payload()).split(".")
    other = base64.urlsafe_b64encode(json.dumps(payload(sv=4)).encode()).rstrip(b"=").decode()
    assert is_refused(f"{head}.{other}.{signature}")
    assert is_refused(f"{head}.{body}.")
    assert is_refused(f"{head}.{body}")


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "\0", "é.é.é", "\ud800", "x" * 100_000, "null"])
def test_what_is_no_token_is_refused(text: str) -> None:
    assert is_refused(text)


def test_a_clock_that_is_behind_takes_a_new_token() -> None:
    assert not is_refused(by_hand({"alg": "HS256"}, payload(iat=int(time.time()) + 600)))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="32 bytes"):
        Tokens(b"k" * 31)
