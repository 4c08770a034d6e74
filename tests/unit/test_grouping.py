"""Groups: equal mistakes get equal ids, different ones do not, and masks are quick."""

from __future__ import annotations

import time
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.grouping import VERSION, group_id, group_report
from avalon.grouping.masks import MAX_MASKED, mask
from avalon.reports import ExceptionInfo, Report


def key_of(message: str, type: str = "", **fields: Any) -> list[str]:
    exceptions = [ExceptionInfo(type=type, value=message)] if type else []
    return group_report(Report(message=message, exceptions=exceptions, **fields)).key_parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Order 17 not found", "Order 48213 not found"),
        ("took 1.5 s", "took 12.75 s"),
        ("user 0b9f7f3e-5f2f-4c8e-9d61-3f1f4e1c2a77", "user 11111111-2222-3333-4444-555555555555"),
        ("no route to 10.0.0.1:5432", "no route to 192.168.17.4:80"),
        ("no route to fe80::1:2:3", "no route to 2001:db8:0:1:2:3:4:5"),
        ("object at 0x7f3a2b", "object at 0xDEADBEEF"),
        ("commit 3f1f4e1c2a77", "commit a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"),
        ("since 2026-01-01T10:00:00Z", "since 2025-12-31 23:59:59.123+02:00"),
        ("mail to jean@example.org failed", "mail to a.b+c@mail.example.co.uk failed"),
        ("no key 'user:17'", "no key 'order 8'"),
        ('bad value "a b"', 'bad value "c, d"'),
    ],
)
def test_what_varies_is_masked(one: str, other: str) -> None:
    assert mask(one) == mask(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cannot read (reading 'price')", "Cannot read (reading 'name')"),
        ("column users.email does not exist", "column users.name does not exist"),
        ("it's broken", "it's gone, isn't it"),
        ("deadbeef", "facade"),
    ],
)  # fmt: skip
def test_what_tells_mistakes_apart_stays(one: str, other: str) -> None:
    assert mask(one) != mask(other)


def test_the_key_of_a_report_without_a_stack_is_the_type_and_the_masked_message() -> None:
    assert key_of("Order 17 not found", "LookupError") == ["LookupError", "Order <num> not found"]
    assert key_of("Order 17 not found") == ["", "Order <num> not found"]


def test_a_clients_fingerprint_takes_the_keys_place() -> None:
    assert key_of("Order 17", "E", fingerprint=["checkout", "17"]) == ["checkout", "17"]


def test_the_default_stands_where_a_fingerprint_asks_for_it() -> None:
    expected = ["E", "Order <num>", "eu"]
    assert key_of("Order 17", "E", fingerprint=["{{ default }}", "eu"]) == expected
    assert key_of("Order 17", "E", fingerprint=["{{default}}", "eu"]) == expected


def test_a_groups_id_never_changes() -> None:
    expected = UUID("aa2a33aa-b943-8fb2-bc1e-4961993b92e6")
    assert group_id("shop", 0, ["TypeError", "boom"]) == expected


storable = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(service=storable, parts=st.lists(storable, max_size=4))
def test_a_groups_id_is_a_uuid_of_version_8(service: str, parts: list[str]) -> None:
    id = group_id(service, VERSION, parts)
    assert (id.version, id.variant) == (8, RFC_4122)


def test_service_version_and_the_cut_between_parts_make_other_groups() -> None:
    ids = {
        group_id(service, version, parts)
        for service in ("shop", "sho")
        for version in (0, 1)
        for parts in (["p", "ab"], ["pa", "b"], ["pab"], ["p", "ab", ""], [])
    }
    assert len(ids) == 20


@pytest.mark.parametrize(
    "piece", ["a", "1", "1.", "a.", "a@", "f:", "'", '"', "0x", "1-", "a-", " ", "f0", "\0"]
)
def test_masking_takes_no_time_whatever_the_message(piece: str) -> None:
    message = (piece * 1_000_000)[:1_000_000]
    started = time.process_time()
    masked = mask(message)
    assert time.process_time() - started < 0.5
    assert len(masked) <= 5 * MAX_MASKED
