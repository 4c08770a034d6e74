"""What a key's own rules keep out of its reports: named fields and IP addresses, wherever they stand."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.protocols.avalon import decode_report
from avalon.protocols.sentry import decode_event
from avalon.protocols.submission import NO_TERMS, Submission, Terms, clean_text
from avalon.reports import Privacy, Report, clean_report, cleaner_for, encode_report
from avalon.reports.addresses import filter_addresses
from avalon.reports.scrubbing import FILTERED

SSN = "078-05-1120"
FIELDS = Terms(privacy=Privacy(["SSN", "iban-number", "vars"], drop_ip_addresses=False))
ADDRESSES = Terms(privacy=Privacy([], drop_ip_addresses=True))


def report(terms: Terms, **fields: Any) -> dict[str, Any]:
    """What is stored of a report; its columns, too."""
    return _stored(decode_report(json.dumps({"error": {"message": "boom"}} | fields).encode(), terms))


def event(terms: Terms, **fields: Any) -> dict[str, Any]:
    return _stored(decode_event(json.dumps(fields).encode(), terms))


def _stored(submission: Submission) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_report(submission.report))
    return found | {"environment": submission.environment, "release": submission.release}


def everywhere(secret: Any) -> dict[str, Any]:
    """An event with a field of that name wherever a client can put one, at several depths."""
    held = {"a": [{"b": {"Ssn": secret, "IBAN_Number": secret}}], "pair": ["ssn", secret]}
    frame = {"function": "f", "filename": "a.py", "vars": {"x": secret, "y": held}}
    return {
        "message": f"cannot save ssn={secret} of jean",
        "exception": {
            "values": [{"type": "E", "value": f"at ?x=1&ssn={secret}", "stacktrace": {"frames": [frame]}}]
        },
        "breadcrumbs": {"values": [{"message": f"iban-number='{secret}'", "data": held}]},
        "request": {
            "url": f"https://shop.example/a?y=1&ssn={secret}",
            "query_string": f"ssn={secret}",
            "headers": {"SSN": secret},
            "data": json.dumps(held),
        },
        "user": {"id": "17", "ssn": secret},
        "tags": {"ssn": str(secret)},
        "extra": held,
        "contexts": {"mine": held},
    }


@pytest.mark.parametrize(
    "secret", [SSN, 78051120, [78051120], {"v": 78051120}], ids=["text", "number", "list", "object"]
)
def test_a_named_field_is_never_stored_wherever_it_stands(secret: Any) -> None:
    fields = everywhere(secret)
    leaks = ("78051120", SSN)
    assert any(leak in json.dumps(event(NO_TERMS, **fields)) for leak in leaks), "the control"
    if not isinstance(secret, str):
        for name in ("message", "exception", "breadcrumbs"):
            fields[name] = {} if name != "message" else "boom"
        fields["request"] = {"data": fields["request"]["data"]}
    assert not any(leak in json.dumps(event(FIELDS, **fields)) for leak in leaks)


def test_fields_of_the_report_itself_can_be_named() -> None:
    frame = {"function": "f", "context_line": "a = 1", "pre_context": ["b = 2"], "vars": {"x": 1}}
    fields = {
        "exception": {"type": "E", "stacktrace": {"frames": [frame]}},
        "server_name": "web-1",
        "user": {"id": "17"},
    }
    named = Terms(
        privacy=Privacy(
            ["server_name", "user", "vars", "context_line", "pre-context"], drop_ip_addresses=False
        )
    )
    found = event(named, **fields)
    assert (found["server_name"], "user" in found) == (FILTERED, False)
    assert found["exceptions"][0]["frames"] == [
        {"function": "f", "context_line": FILTERED, "pre_context": [FILTERED]}
    ]


def test_a_field_of_a_frame_can_be_named_where_its_client_calls_it_otherwise() -> None:
    frame = {"symbol": "f", "package": "libshop.so"}
    fields = {"exception": {"type": "E", "stacktrace": {"frames": [frame]}}}
    named = Terms(privacy=Privacy(["module", "function"], drop_ip_addresses=False))
    found = event(named, **fields)
    assert found["exceptions"][0]["frames"] == [{"function": FILTERED, "module": FILTERED}]


@pytest.mark.parametrize(
    "text",
    [
        "unssn=1",
        "x-ssn=1",
        "ssn",
        "ssn = 1",
        'unssn = "1"',
        "a=1",
        "ssn=",
        "=",
        "session=1",
        '"unssn": "1"',
        "ssn: 1",
        '"ssn":',
    ],
)
def test_a_name_is_a_whole_word_in_running_text(text: str) -> None:
    assert clean_text(text, 100, FIELDS) == clean_text(text, 100, NO_TERMS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssn=1", f"ssn={FILTERED}"),
        ("SSN=1 Iban_Number=2;c=3", f"SSN={FILTERED} Iban_Number={FILTERED};c=3"),
        ("u=https://h/?a=b&ssn=1&c=d", f"u=https://h/?a=b&ssn={FILTERED}&c=d"),
        ('x=ssn="12"', f'x=ssn="{FILTERED}"'),
        ("    ssn = '1 2'", f"    ssn = '{FILTERED}'"),
        ('ssn = "1\'2"; x', f'ssn = "{FILTERED}"; x'),
        ('body {"ssn": "1 2", "a": 3}', f'body {{"ssn": "{FILTERED}", "a": 3}}'),
        ('{"SSN":12,"a":3}', f'{{"SSN":{FILTERED},"a":3}}'),
        ('{"ssn": [1, 2], "a": 3}', f'{{"ssn":{FILTERED}, "a": 3}}'),
        (r'"{\"ssn\": \"1 2\", \"a\": 3}"', rf'"{{\"ssn\": \"{FILTERED}\", \"a\": 3}}"'),
        ("{'ssn': b'1 2', 'a': 3}", f"{{'ssn': b'{FILTERED}', 'a': 3}}"),
        ("{'ssn': '1", f"{{'ssn': '{FILTERED}"),
    ],
)
def test_what_is_assigned_to_a_name_is_filtered(text: str, expected: str) -> None:
    assert clean_text(text, 100, FIELDS) == expected


@pytest.mark.parametrize(
    "body", [b'{"error":{"message":"s\\u0073n\\u003d17"}}', b'{"error":{"message":"SSN=17 \\u00e9"}}']
)
def test_no_escape_hides_an_assignment(body: bytes) -> None:
    assert FILTERED in decode_report(body, FIELDS).report.message
    assert "17" in decode_report(body).report.message, "the control"


def test_names_are_no_expressions() -> None:
    terms = Terms(privacy=Privacy([".*", "a]|b", "(", "\\"], drop_ip_addresses=False))
    assert clean_text("x=1 a]|b=2 .*=3 (=4 \\=5", 100, terms) == (
        f"x=1 a]|b={FILTERED} .*={FILTERED} (={FILTERED} \\={FILTERED}"
    )
    assert report(terms, metadata={"x": "y", ".*": "z"})["metadata"] == {"x": "y", ".*": FILTERED}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 10.0.0.1:80, 8.8.8.8.", "from [ip]:80, [ip]."),
        ("db/127.0.0.1:9092", "db/[ip]:9092"),
        (r"a\n10.1.2.3", r"a\n[ip]"),
        ("x=%3D10.1.2.3&y", "x=%3D[ip]&y"),
        ("client_10.1.2.3_7", "client_[ip]_7"),
        ("2001:db8::1: reset", "[ip]: reset"),
        ("addr:2001:DB8::1", "addr:[ip]"),
        ("[2001:db8::1]:443", "[ip]:443"),
        ("2001:db8:1:2:3:4:5:6", "[ip]"),
        ("fe80::1%eth0", "[ip]%eth0"),
        ("fd12:3456:789a::1", "[ip]"),
        ("::ffff:10.1.2.3", "[ip]"),
        ("::ffff:7f00:1", "[ip]"),
        ("64:ff9b::192.0.2.1", "[ip]"),
        ("ip=2001%3Adb8%3A%3A1&a", "ip=[ip]&a"),
    ],
)
def test_an_address_is_replaced(text: str, expected: str) -> None:
    assert filter_addresses(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "v1.2.3.4",
        "Microsoft.AspNetCore.Mvc, Version=3.1.3.0, Culture=neutral",
        "Mozilla/5.0 (X11) Chrome/120.0.0.0 Safari/537.36",
        "1.2.3.4.5",
        "256.1.1.1",
        "10.0.19045.3803",
        "12:34:56.789 and 2024:11:23 10:20:30",
        "std::map<a::b> abc::def face::bad feed::dead Foo::Bar",
        "00:1b:44:11:3a:b7",
        "SHA256:ab:cd:2f:00",
        "a[::2] ::1 ::",
        "at Module._compile (node:internal/modules/cjs/loader:1105:14)",
        "2a01:4f8",
    ],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert filter_addresses(text) == text


def test_no_address_of_a_report_is_stored() -> None:
    address, sixth = "203.0.113.7", "2001:db8::77"
    held = {"who": [f"met {address}", sixth], "ip": 3405803783, address: 1}
    headers = {
        "X-Forwarded-For": address,
        "X-Real-IP": address,
        "Forwarded": "for=_hidden",
        "CF-Connecting-IP": sixth,
    }
    fields = {
        "message": f"no route to {address}",
        "user": {"id": "17", "ip_address": address},
        "request": {"url": f"http://{address}:80/x", "env": {"REMOTE_ADDR": address}, "headers": headers},
        "breadcrumbs": [{"message": f"GET http://[{sixth}]/", "data": held}],
        "tags": {"peer": f"{address}:5432"},
        "contexts": {"net": held},
        "extra": held,
        "server_name": address,
        "environment": f"at {address}",
    }
    assert address in json.dumps(event(NO_TERMS, **fields)), "the control"
    found = event(ADDRESSES, **fields)
    assert not any(part in json.dumps(found) for part in (address, sixth, "3405803783", "_hidden"))
    assert (found["user"], found["message"]) == ({"id": "17"}, "no route to [ip]")


def test_versions_stay_where_they_are_named_so() -> None:
    found = event(
        ADDRESSES,
        release="shop@1.2.3.4",
        modules={"a.b": "1.2.3.4"},
        contexts={"os": {"version": "10.1.2.3"}},
    )
    assert (found["release"], found["metadata"]["modules"]) == ("shop@1.2.3.4", {"a.b": "1.2.3.4"})
    assert found["contexts"]["os"]["version"] == "10.1.2.3"


@pytest.mark.parametrize("text", ["no route to {}:80", "db/{} is gone", "peer [{}]:25 left", "{} closed"])
def test_dropping_addresses_leaves_a_report_in_its_group(text: str) -> None:
    for address in ("10.0.0.1",) if "/" in text else ("10.0.0.1", "2001:db8::1"):
        message = text.format(address)
        assert (
            event(ADDRESSES, message=message)["grouping"]["key_parts"]
            == event(NO_TERMS, message=message)["grouping"]["key_parts"]
        )


def test_a_secret_that_the_cut_would_halve_is_filtered_first() -> None:
    assert clean_text("x" * 90 + " 203.0.113.77 y", 97, ADDRESSES) == "x" * 90 + " [ip] y"
    assert clean_text("x" * 90 + f" ssn={SSN} y", 97, FIELDS) == "x" * 90 + " ssn=[F"


ADVERSARIES = [
    "1.2.3.4",
    "1.",
    "1",
    "2001:",
    "2001",
    "fe80::",
    ":",
    "::ffff:",
    "%3A",
    "ssn=",
    "=",
    "n=",
    "N=x ",
    "[[ip]]",
    '"n":',
    'n":"',
    'n":{',
    "n\\':'",
]


@pytest.mark.parametrize("piece", ADVERSARIES)
def test_a_long_text_of_anything_is_cleaned_within_a_second(piece: str) -> None:
    """Of processor time, of which it takes a tenth; what looks twice at each place takes minutes."""
    text = (piece * 200_000)[:200_000]
    names = [f"{'a' * n}n" for n in range(50)]
    for work in (filter_addresses, Privacy(names, drop_ip_addresses=True).filter_text):
        started = time.process_time()
        work(text)
        assert time.process_time() - started < 1, work


RULES = Privacy(["ssn", "birth-date", "vars"], drop_ip_addresses=False)
FRAGMENTS = [
    *("ssn", "SSN", "birth_date", "Birth-Date", "=", ":", '"', "'", "\\", "b'", "{", "}", "[", " ", "&", ","),
    *("x", "17", "un", "-", "é", "\u212a", "\n", "10.0.0.1", "2001:db8::1", "password="),
]  # fmt: skip
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=9).map("".join)


@settings(max_examples=400, deadline=None)
@given(
    values=st.lists(texts, max_size=4),
    escape=st.booleans(),
    privacy=st.sampled_from([RULES, Privacy(["ssn", "é"], drop_ip_addresses=True)]),
)
def test_the_look_over_the_source_leaves_out_nothing(
    values: list[str], escape: bool, privacy: Privacy
) -> None:
    # As some clients write JSON: every character behind an escape.
    written = json.dumps(values)
    source = "".join(f"\\u{ord(sign):04x}" for sign in written) if escape else written
    report_ = Report(message="boom", metadata={"values": values}, tags={value: value for value in values})
    quick = clean_report(report_, cleaner_for(source.encode(), privacy))
    assert quick == clean_report(report_, cleaner_for(None, privacy))
