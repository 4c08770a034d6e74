"""The request of a Sentry event: headers, query and body by name, so that secrets are told by theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.protocols.sentry_events import report_of


def request_of(**fields: Any) -> dict[str, Any]:
    return report_of(request=fields).request


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "a", "Cookie": "x"},
        {"Host": ["a"], "Cookie": ["x", "y"]},
        [["Host", "a"], ["Cookie", "x"]],
        [["Host", ["a"]], ["Cookie", "x"], ["Cookie", "y"], ["Cookie", "z"], None, ["Host"], 7],
        [{"key": "Host", "value": "a"}, {"key": "Cookie", "value": "x"}],
    ],
    ids=["object", "lists", "pairs", "odd", "keys and values"],
)
def test_headers_come_in_many_forms(headers: Any) -> None:
    assert request_of(headers=headers) == {"headers": {"Host": "a", "Cookie": "[Filtered]"}}


def test_a_header_that_comes_several_times_has_a_list() -> None:
    assert request_of(headers=[["A", "1"], ["A", "2"], ["A", "3"]]) == {"headers": {"A": ["1", "2", "3"]}}


def test_odd_headers_are_kept_as_they_are() -> None:
    assert request_of(headers="Host: a") == {"headers": "Host: a"}
    assert request_of(headers={"User-Agent": 5, "X": None}) == {"headers": {"User-Agent": 5, "X": None}}


@pytest.mark.parametrize(
    "query",
    [
        "a=1&auth=x",
        "?a=1&auth=x&&=7",
        {"a": "1", "auth": "x"},
        {"a": ["1"], "auth": ["x", "y"]},
        [["a", "1"], ["auth", "x"]],
    ],
    ids=["text", "with ?", "object", "lists", "pairs"],
)
def test_a_query_comes_in_many_forms(query: Any) -> None:
    assert request_of(query_string=query) == {"query_string": {"a": "1", "auth": "[Filtered]"}}


def test_a_query_is_not_decoded_and_loses_nothing() -> None:
    query = request_of(query_string="a=%40&a=b=c&flag")["query_string"]
    assert query == {"a": ["%40", "b=c"], "flag": ""}
    assert request_of(query_string=[1, 2]) == {"query_string": [1, 2]}


@pytest.mark.parametrize("cookies", ["a=b", {"a": "b"}, [["a", "b"]]], ids=["text", "object", "pairs"])
def test_cookies_are_never_stored(cookies: Any) -> None:
    assert request_of(cookies=cookies) == {"cookies": "[Filtered]"}


def test_a_body_that_is_json_in_a_text_is_scrubbed_by_name() -> None:
    body = {"name": "a", "password": "x", "inner": [{"api_key": "y"}]}
    expected = {"name": "a", "password": "[Filtered]", "inner": [{"api_key": "[Filtered]"}]}
    assert request_of(data=json.dumps(body)) == {"data": expected}


def test_a_secret_hidden_by_two_layers_of_escapes_is_filtered() -> None:
    hidden = r'["a:\/\/user:hunter2@host"]'
    assert request_of(data=hidden) == {"data": ["a://user:[Filtered]@host"]}


@pytest.mark.parametrize("data", ["{broken", "a=1", "[" * 200, 7, ["a"], "[1"])
def test_any_other_body_is_kept_as_it_is(data: Any) -> None:
    assert request_of(data=data) == {"data": data}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://shop.example/orders/17?a=/b#c", "/orders/17"),
        ("https://shop.example", "/"),
        ("https://shop.example?next=/a", "/"),
        ("/orders/17?a=b", "/orders/17"),
        ("app:///index.html", "/index.html"),
        ("http://[broken", "/"),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_path_is_the_addresss(url: Any, path: str) -> None:
    assert report_of(request={"url": url}).path == path


@pytest.mark.parametrize("value", ["x", [], [1], 7, None, {}])
def test_a_request_that_is_none_is_left_out(value: Any) -> None:
    report = report_of(request=value)
    assert (report.request, report.path, report.method) == ({}, "", "")
