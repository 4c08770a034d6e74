"""Masks: messages of one kind give one text, other kinds another, and no text makes them slow."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.grouping import masks
from avalon.grouping.masks import mask

BENCH = Path(__file__).parents[2] / "scripts" / "_bench" / "grouping_messages.py"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 900 ms", "took 1.5 s"),
        ("lifetime <1 sec", "lifetime 00:01"),
        ("sent 403 bytes today", "sent 1190 bytes (1.16 KB) today"),
        ("task 17 lost", "task 0b9f7f3e-5f2f-4c8e-9d61-3f1f4e1c2a77 lost"),
        ("block blk_-17 lost", "block blk_3586 lost"),
        ("at -5", "at 5"),
        ("up since Mon Jan  5 10:00:00 2026", "up since 2026-01-05T10:00:00.5Z"),
        ("card 00:1b:44:11:3a:b7", "card ab:cd:ef:11:3a:b7"),
        ("took 1,234,567 rows", "took 3 rows"),
        ("replicas 1, 2, 3 behind", "replicas 7 behind"),
        ("from 10.0.0.1 (a.b-c) lost", "from db1.example.com:5432 lost"),
        ("from mx.example.de[10.0.0.1]:25 lost", "from [2001:db8::1]:80 lost"),
        ("brokers [10.0.0.1:9092]", "brokers [10.0.0.1:9092, 10.0.0.2:9092]"),
        ("cannot open /etc/hosts", "cannot open ~/a/b.txt"),
        (r"cannot open C:\temp\x", r"cannot open \\server\share"),
        ("see https://a.example/x?y=1", "see http://b.example/"),
        ("session opened for user root by (uid=0)", "session opened for user maria by (uid=17)"),
        ("Failed password for root from 10.0.0.1", "Failed password for git from 10.0.0.2"),
        ('role "deploy" does not exist', 'role "w w" does not exist'),
        ("login user=root done", "login user=w17 done"),
        ("lock tag=null ws=null", 'lock tag="View Lock" ws=WorkSource{10113}'),
        ("bounds=Rect(0, 0 - 1080, 63)", "bounds=Rect(0, 9 - 18, 6)"),
        ("isr=[1,2]", "isr=[3]"),
        ("caller com.shop.app is gone", "caller org.example.mail.sync is gone"),
        ("client: node12, done", "client: mars, done"),
        ('{"id":17,"name":"a b"}', '{"id":4,"name":"c d e"}'),
    ],
)
def test_what_varies_is_masked(one: str, other: str) -> None:
    assert mask(one) == mask(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'NoneType' object has no attribute 'total'", "'NoneType' object has no attribute 'items'"),
        ('Cannot invoke "com.shop.Cart.total()"', 'Cannot invoke "com.shop.User.name()"'),
        ("java.io.IOException: closed", "java.net.ConnectException: closed"),
        ("cannot cast com.shop.cart.Order here", "cannot cast com.shop.cart.Invoice here"),
        ("cannot cast shop.Base64Decoder here", "cannot cast shop.Base32Decoder here"),
        ("reboot required: true", "reboot required: false"),
        ("charge result=declined", "charge result=expired"),
        ('level=error msg="cannot store order" n=5', 'level=error msg="cannot load order" n=5'),
        ('{"error":"card declined","id":5}', '{"error":"card expired","id":5}'),
        ('"GET /a/b HTTP/1.1" failed', '"POST /a/b HTTP/1.1" failed'),
        ("read/write failed", "input/output failed"),
        ("check pass; user unknown", "check pass; user locked"),
        ("fraction rounded......0", "store operation.......1"),
    ],
)
def test_what_tells_mistakes_apart_stays(one: str, other: str) -> None:
    assert mask(one) != mask(other)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Order 17 not found.", "Order <num> not found."),
        ("Invalid user oracle from 10.0.0.1 port 22", "Invalid user <user> from <host> port <num>"),
        ("GET /api/users/17?x=1 in 12 ms", "GET <path> in <num>"),
        ("bad value 'a b' for user=root", "bad value <str> for user=<value>"),
        ("mail to jean@example.org failed", "mail to <email> failed"),
        ("no letters are lost: é 12 ü", "no letters are lost: é <num> ü"),
        ("", ""),
    ],
)
def test_a_person_can_read_what_was_masked(message: str, expected: str) -> None:
    assert mask(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('"Payment declined for order 17"', '"Payment declined for order <num>"'),
        ("/etc/app7/site.conf", "/etc/<num>/site.conf"),
        ("17", "<num>"),
        ("'a b' is lost", "<str> is lost"),
    ],
)
def test_a_message_of_placeholders_alone_keeps_its_words(message: str, expected: str) -> None:
    assert mask(message) == expected


WORDS = ["a", "a.", "a@", "a+", "a/", "a-", "Aa1", "a.A1", "Jan ", "user ", "for user ", "failed for ", "_"]
NUMBERS = [
    "1",
    "1.",
    "1-",
    "1,",
    "1, ",
    "1:",
    "1+",
    "1 (",
    "1 B (1",
    "0x",
    "f0",
    "f:",
    "f::",
    "::",
    "-",
    "<1",
]
SIGNS = [" ", "/", "./", "\\", "=", "a=", "= ", "=[", "=(", "a[1[", "name: ", "http://", "{", "…", "\n", "\0"]
QUOTES = ["'", '"', "' '", "'a ", "a'b", "user '", "='\"", '"error":"']


@pytest.mark.parametrize("piece", [*WORDS, *NUMBERS, *SIGNS, *QUOTES], ids=repr)
def test_the_time_grows_with_the_length_and_no_faster(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is linear takes 0.03 s for this; what is quadratic takes more than a second.
    size = 30_000
    monkeypatch.setattr(masks, "MAX_MASKED", size)
    started = time.process_time()
    mask((piece * size)[:size])
    assert time.process_time() - started < 0.4


def test_only_the_beginning_is_looked_at() -> None:
    assert mask("a" * masks.MAX_MASKED + "b 17") == "a" * masks.MAX_MASKED


@given(st.text(max_size=200))
def test_any_text_can_be_masked_and_always_the_same(message: str) -> None:
    assert mask(message) == mask(message)


def test_the_samples_are_grouped_as_well_as_they_were() -> None:
    average = bench().score_messages()[-1]
    assert average.precision >= 0.99
    assert average.f1 >= 0.96


def test_the_score_is_low_without_masks() -> None:
    assert bench().score_messages(key=str)[-1].f1 < 0.5
    assert bench().score_messages(key=lambda _: "")[-1].precision < 0.2


def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grouping_messages", BENCH)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
