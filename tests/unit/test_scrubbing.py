"""Secrets: found under their names and in running text, and quickly; a report without any is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from avalon.reports import Cleaner, Report, bound_and_scrub
from avalon.reports.scrubbing import FILTERED, is_card, is_secret_key

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
OWN_KEY = "avl_7Zk2mQ9vXc4RtY8uPw1sDf6gHj3kLn5b0aVeCx"
# sentry-python, scrubber.py, as it writes them: DEFAULT_DENYLIST and DEFAULT_PII_DENYLIST.
# fmt: off
SENTRY_DENYLIST = [
    "password", "passwd", "secret", "api_key", "apikey", "auth", "credentials", "mysql_pwd", "privatekey",
    "private_key", "token", "session", "csrftoken", "sessionid", "x_csrftoken", "x_forwarded_for",
    "set_cookie", "cookie", "authorization", "proxy-authorization", "x_api_key", "aiohttp_session",
    "connect.sid", "csrf_token", "csrf", "_csrf", "_csrf_token", "PHPSESSID", "_session", "symfony",
    "user_session", "_xsrf", "XSRF-TOKEN", "x_real_ip", "ip_address", "remote_addr",
]
# fmt: on
CARDS = [
    "4111111111111111",
    "4222222222222",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6200000000000005",
]


def scrub(text: str) -> str:
    return Cleaner().text(text, 1_000_000, "text")


def scrub_object(value: dict[str, Any]) -> dict[str, Any]:
    return bound_and_scrub(Report(message="boom", metadata=value)).metadata


@pytest.mark.parametrize("name", SENTRY_DENYLIST)
def test_the_sentry_sdks_denylist_is_filtered_however_it_is_written(name: str) -> None:
    for key in (name, name.upper(), name.title(), name.replace("_", "-")):
        assert is_secret_key(key), key


@pytest.mark.parametrize(
    "key",
    [
        "db_password", "passwordHash", "userPassword", "new-password-2", "PGPASSWORD", "accessToken",
        "id_token", "X-Auth-Token", "client_secret", "secretKey", "AWS_SECRET_ACCESS_KEY", "apiKey",
        "X-Api-Key", "private-key", "stripe_credentials", "cookies", "Set-Cookie", "session_id", "basic_auth",
        "X-CSRF-Token", "jwt",
    ],
)  # fmt: skip
def test_names_made_of_secret_words_are_filtered(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "author", "authority", "authenticated", "tokens_used", "max_tokens", "tokenizer", "session_duration",
        "sessions", "secretary", "keyboard", "cookie_policy", "passenger", "compass", "id", "message", "",
        "pass", "user", "cart",
    ],
)  # fmt: skip
def test_innocent_names_are_not(key: str) -> None:
    assert not is_secret_key(key)


def test_a_secret_is_filtered_at_any_depth_whatever_it_is() -> None:
    secrets = {
        "password": "x",
        "Token": 17,
        "cookies": {"a": "b"},
        "secrets": ["a"],
        "auth": True,
        "jwt": None,
    }
    expected = {"a": [{"b": dict.fromkeys(secrets, FILTERED) | {"jwt": None, "kept": "x"}}]}
    assert scrub_object({"a": [{"b": {**secrets, "kept": "x"}}]}) == expected


def test_headers_as_pairs_are_filtered_too() -> None:
    headers = [["Authorization", "Basic dXNlcjpwYXNz"], ["Accept", "text/html"]]
    assert scrub_object({"headers": headers}) == {
        "headers": [["Authorization", FILTERED], ["Accept", "text/html"]]
    }


@pytest.mark.parametrize("name", ["b'authorization'", "'Cookie'", "b'x-forwarded-for'", "'_csrf'", "b'auth'"])
def test_names_in_pythons_repr_are_filtered_in_pairs(name: str) -> None:
    # sentry-python writes variables so; here, those of an ASGI application.
    pairs = [["b'host'", "b'shop'"], [name, "b'x'"]]
    assert scrub_object({"headers": pairs})["headers"] == [["b'host'", "b'shop'"], [name, FILTERED]]


def test_every_part_of_a_report_is_scrubbed() -> None:
    report = Report(
        message=f"no {OWN_KEY}",
        stack=f"at {OWN_KEY}",
        path=f"/?x={OWN_KEY}",
        metadata={"a": OWN_KEY, OWN_KEY: 1},
        tags={"a": OWN_KEY, "password": "x"},
        user={"id": OWN_KEY, "token": "x"},
        request={"headers": {"Cookie": "x"}, "url": f"https://a/?token={OWN_KEY}"},
        contexts={"a": {"b": [OWN_KEY]}},
        breadcrumbs=[{"message": OWN_KEY, "data": {"api_key": "x"}}],
        fingerprint=[OWN_KEY],
        transaction=OWN_KEY,
    )
    scrubbed = bound_and_scrub(report)
    assert OWN_KEY not in repr(scrubbed)
    assert '"x"' not in json.dumps([scrubbed.tags, scrubbed.user, scrubbed.request, scrubbed.breadcrumbs])


def test_an_address_is_kept_where_a_client_names_the_user_and_nowhere_else() -> None:
    report = Report(message="boom", user={"ip_address": "10.0.0.1"}, metadata={"ip_address": "10.0.0.1"})
    scrubbed = bound_and_scrub(report)
    assert scrubbed.user == {"ip_address": "10.0.0.1"}
    assert scrubbed.metadata == {"ip_address": FILTERED}


@pytest.mark.parametrize("card", CARDS)
def test_a_card_is_filtered_solid_and_in_groups(card: str) -> None:
    assert is_card(card)
    assert scrub(f"paid with {card}.") == f"paid with {FILTERED}."
    assert scrub_object({"a": int(card), "b": float(card)})["a"] == FILTERED


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "3782 822463 10005",
        "card=4111111111111111&x=1",
        "4111 1111 1111 1111 123",
        "1234 4111 1111 1111 1111",
        "5252 4111 1111 1111 1111",
        "2026-01-01 4111111111111111",
    ],
)
def test_a_card_is_found_among_other_numbers(text: str) -> None:
    assert FILTERED in scrub(text)
    assert "1111 1111" not in scrub(text)
    assert "822463" not in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # another check digit
        "1700000000000",  # milliseconds
        "1234567812345670",  # a right check digit, but nobody issues these
        "175928847299117063",  # a Discord id
        "0.4111111111111111",
        "e29b41d4-a716-4466-5544-000000000000",
        "9a4111111111111111b",
        "41111111111111111111",
        "call 555 123 4567 or 555 987 6543",
    ],
)
def test_other_long_numbers_stay(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"got {JWT}!", f"got {FILTERED}!"),
        ("unsigned eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", f"unsigned {FILTERED}"),
        ("Authorization: Bearer abc123def456", f"Authorization: Bearer {FILTERED}"),
        ("authorization: bearer secrettoken", f"authorization: bearer {FILTERED}"),
        (f"key {OWN_KEY} refused", f"key {FILTERED} refused"),
        (f"cut {OWN_KEY[:24]}", f"cut {FILTERED}"),
        ("postgres://app:s3cr@t@db:5432/x", f"postgres://app:{FILTERED}@db:5432/x"),
        ("redis://:hunter2@cache", f"redis://:{FILTERED}@cache"),
        ("GET /reset?token=abc&x=1", f"GET /reset?token={FILTERED}&x=1"),
        ("Server=db;Pwd=hunter2;Uid=a", f"Server=db;Pwd={FILTERED};Uid=a"),
        ("token=Bearer abc123def456", f"token={FILTERED} {FILTERED}"),
        ('connect(password="hunter2")', f'connect(password="{FILTERED}")'),
        ('    DB_PASSWORD = "hunter2"', f'    DB_PASSWORD = "{FILTERED}"'),
        ("$token = 'hunter2';", f"$token = '{FILTERED}';"),
        ('password = "it\'s two words"; x', f'password = "{FILTERED}"; x'),
        ('{"user": "a", "Password":"hunter2"}', f'{{"user": "a", "Password":"{FILTERED}"}}'),
        ("{'x-api-key': b'hunter2', 'a': 1}", f"{{'x-api-key': b'{FILTERED}', 'a': 1}}"),
        (r'"{\"token\": \"hunter2\"}"', rf'"{{\"token\": \"{FILTERED}\"}}"'),
        (r'{"secret": "hunter2\" hunter2"}', f'{{"secret": "{FILTERED}"}}'),
        ("cookies={'session': 'hunter2'}", f"cookies={{'session': '{FILTERED}'}}"),
        ("cut {'pwd': 'hunter2", f"cut {{'pwd': '{FILTERED}"),
    ],
)
def test_credentials_are_filtered_in_running_text(text: str, expected: str) -> None:
    assert scrub(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Bearer authentication failed",
        "the bearer of bad news",
        "Unexpected token < in JSON at position 0",
        "eyJ is how base64 of a brace begins",
        "avl_ is our prefix",
        "https://example.org:8080/a?b=c@d",
        "https://example.org/@jean",
        "jean@example.org",
        "a = b",
        "tokens=17",
        "password: it must have eight characters",
        "{'tokens': 17, 'token': None, 'password': ''}",
        "{'author': 'jean', 'sessions': 'three', 'session': 17}",
    ],
)
def test_innocent_text_stays(text: str) -> None:
    assert scrub(text) == text


def test_scrubbing_again_changes_nothing() -> None:
    text = f"4111111111111111 {JWT} Bearer abc123def456 {OWN_KEY} a://b:c@d password=x \0 \ud800"
    assert scrub(scrub(text)) == scrub(text)


def test_what_postgres_cannot_store_is_replaced() -> None:
    assert scrub("a\0b\ud800c\udfff😀") == "a\ufffdb\ufffdc\ufffd😀"


def test_a_secret_that_the_cut_would_halve_is_filtered_first() -> None:
    cleaner = Cleaner()
    assert cleaner.text("x" * 90 + " " + OWN_KEY + "y" * 100, 100, "a") == "x" * 90 + " [Filtered"
