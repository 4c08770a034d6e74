"""Session tokens that we never signed so: other algorithms, other keys, other times, other claims."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest

from avalon.auth import tokens
from avalon.auth.tokens import shared_key
from tests.conftest import Server
from tests.routes.doors import PASSWORD, handshake, sign_in

FOREIGN_KEY = b"k" * 32

# PyJWT warns that our key is short for SHA-384: it is meant.
pytestmark = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in (header, claims))
    return ".".join([*parts, signature])


async def forgeries(server: Server, claims: dict[str, Any]) -> dict[str, str]:
    """Tokens for a session that stands, each with one thing wrong in it."""
    key = await shared_key(server.services.database)
    now = int(time.time())

    def signed(algorithm: str = "HS256", by: bytes = key, **changes: Any) -> str:
        payload = {name: value for name, value in (claims | changes).items() if value is not ...}
        return jwt.encode(payload, by, algorithm=algorithm)

    good = signed()
    head, body, signature = good.split(".")
    return {
        "alg none": unsigned({"alg": "none", "typ": "JWT"}, claims),
        "alg None": unsigned({"alg": "None", "typ": "JWT"}, claims, signature),
        "no alg": unsigned({"typ": "JWT"}, claims, signature),
        "alg HS384": signed("HS384"),
        "alg HS512": signed("HS512"),
        "a header of ours, unsigned": f"{head}.{body}.",
        "a foreign key": signed(by=FOREIGN_KEY),
        "the seed's sample as the key": signed(by=b"your-super-secret-jwt-key-change-this-in-production"),
        "an empty key": signed(by=b"\0" * 32),
        "expired": signed(exp=now - 1),
        "another audience": signed(aud="somebody-else"),
        "another issuer": signed(iss="somebody-else"),
        "no end": signed(exp=...),
        "no session version": signed(sv=...),
        "a session version that is true": signed(sv=True),
        "a session version to come": signed(sv=claims["sv"] + 1),
        "no session": signed(sid=...),
        "an unknown session": signed(sid="00000000-0000-4000-8000-000000000000"),
        "a session that is no id": signed(sid="' OR 1=1 --"),
        "somebody else": signed(sub="00000000-0000-4000-8000-000000000000"),
    }


# A signature that nobody checks lets all of these in: it is the check that turns them away.
BY_SIGNATURE_OR_CLAIM = {
    *("alg none", "alg HS384", "alg HS512", "a header of ours, unsigned", "a foreign key", "an empty key"),
    *("the seed's sample as the key", "expired", "another audience", "another issuer"),
}


async def knock(server: Server, claims: dict[str, Any]) -> dict[str, int]:
    """What each forged token is answered."""
    async with server.client() as client:
        return {
            name: (await client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})).status_code
            for name, token in (await forgeries(server, claims)).items()
        }


async def claims_of(server: Server) -> dict[str, Any]:
    """What a session that stands says, and the proof that we sign it as the service does."""
    claims = jwt.decode(await server.login(), options={"verify_signature": False})
    token = jwt.encode(claims, await shared_key(server.services.database), algorithm="HS256")
    async with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
        assert (await client.get("/api/auth/me")).status_code == 200
    return dict(claims)


async def test_no_forged_token_opens_anything(server: Server) -> None:
    answers = await knock(server, await claims_of(server))
    assert {name: status for name, status in answers.items() if status != 401} == {}


async def test_a_decoder_that_checks_nothing_lets_them_in(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the tokens are good but for what the decoder looks at."""
    claims = await claims_of(server)
    decode = jwt.decode

    def credulous(token: str, *_: Any, **__: Any) -> Any:
        return decode(token, options={"verify_signature": False})

    monkeypatch.setattr(tokens.jwt, "decode", credulous)
    answers = await knock(server, claims)
    assert {answers[name] for name in BY_SIGNATURE_OR_CLAIM} == {200}


async def test_a_forged_token_opens_no_socket(server: Server) -> None:
    for name, token in (await forgeries(server, await claims_of(server))).items():
        assert (await handshake(server, Authorization=f"Bearer {token}"))[0] == 401, name
        own = {"Cookie": f"avalon={token}", "Origin": server.url}
        assert (await handshake(server, **own))[0] == 401, name


async def test_a_token_that_was_good_ends_with_its_session(server: Server, admin: httpx.AsyncClient) -> None:
    token = await sign_in(server, admin, "viewer", username="leaver")
    bearer = {"Authorization": f"Bearer {token}"}
    async with server.client(headers=bearer) as leaver:
        change = {"current_password": PASSWORD, "new_password": "another long one"}
        assert (await leaver.put("/api/auth/profile", json=change)).status_code == 200
        assert (await leaver.get("/api/auth/me")).status_code == 401
        token = await server.login("leaver", "another long one")
        leaver.headers["Authorization"] = f"Bearer {token}"
        me = (await leaver.get("/api/auth/me")).json()["user"]
        assert (await admin.delete(f"/api/users/{me['id']}")).status_code == 200
        assert (await leaver.get("/api/auth/me")).status_code == 401
