"""No text makes grouping slow, whatever it looks like: time grows with its length and not faster."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.grouping import group_report
from avalon.grouping.stacks import dotnet, golang, java, javascript, parse_stack, php, python, ruby, rust
from avalon.reports import ExceptionInfo, Frame, Report
from avalon.reports.limits import MAX_ENTRIES

PARSERS = [
    dotnet.parse, golang.parse, java.parse, javascript.parse_v8, javascript.parse_gecko, php.parse,
    python.parse, ruby.parse, rust.parse,
]  # fmt: skip
MEGABYTE = 1_000_000
PIECES = [
    *(
        "a",
        " ",
        "\n",
        "(",
        ")",
        ":1",
        ":",
        "at ",
        "\nat ",
        "\n at a(",
        "\n at a.b(c:1",
        "\n at a.",
        "@",
        "\na@:1:1",
    ),
    *(
        'File "',
        '\n  File "a", line 1, in f\n    x\n',
        "\n#0 a(1): ",
        "\n#0 a(",
        "\n\nNext ",
        " in ",
        "\n'a':in '",
    ),
    *(
        "\na:1:in 'b': c (D)",
        " (A",
        "\npanic: ",
        "\ngoroutine 1\n\n",
        "\na\n\tb.go:1",
        " ---> ",
        "\nCaused by: ",
    ),
    *(
        "\n\tSuppressed: ",
        "[cause]: ",
        "[errors]: [ ",
        "\nCaused by: Error",
        "\nthread '",
        "\nthread 'a' panicked at ",
        "\nthread 'a' panicked at 'b', ",
        "', ",
        "\n 1: ",
        "\n 1: a\n at b.rs:1",
        "\nnote: ",
        "::<",
        "\n  | ",
        "\n  +-+--- 1 ---",
        "ExceptionGroup\n  | \n+-",
        "[as ",
        "/",
        "a.",
        "::",
    ),
    "\nDuring handling of the above exception, another exception occurred:\n",
    "--- End of inner exception stack trace ---",
]
LINES = {
    "python": '  File "/srv/shop/cart.py", line 3, in total\n    x\n',
    "javascript": "    at total (/srv/shop/cart.js:3:4)\n",
    "firefox": "total@https://shop.test/cart.js:3:4\n",
    "java": "\tat com.acme.shop.Cart.total(Cart.java:3)\n",
    "dotnet": "   at Shop.Cart.Total(String id) in /src/Cart.cs:line 3\n",
    "go": "main.total()\n\t/srv/shop/cart.go:3 +0x1\n",
    "php": "#1 /srv/shop/cart.php(3): total()\n",
    "rust": "   1: shop::cart::total\n             at ./src/cart.rs:3:4\n",
    "ruby": "\tfrom /srv/shop/cart.rb:3:in 'total'\n",
}


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@pytest.mark.parametrize(
    "parse", PARSERS, ids=lambda parse: parse.__module__.rpartition(".")[2] + parse.__name__
)
def test_no_text_of_a_megabyte_takes_a_parser_long(parse: Callable[[str], list[ExceptionInfo]]) -> None:
    for piece in PIECES:
        text = (piece * MEGABYTE)[:MEGABYTE]
        assert seconds(lambda text=text: parse(text)) < 2.0, repr(piece)


@pytest.mark.parametrize("language", LINES)
def test_ten_thousand_frames_are_read_at_once_and_kept_within_the_bounds(language: str) -> None:
    text = "E: no\n" + LINES[language] * 10_000
    assert seconds(lambda: group_report(Report(message="no", stack=text))) < 1.0
    (error,) = parse_stack(text)
    assert 100 < len(error.frames) <= MAX_ENTRIES["frames"]


@pytest.mark.parametrize(
    "piece", ["a", "<", "(", "$", ".", "::", "_1", "$1", "func1", "lambda$", "0x", "Test", "/", "-1.2"]
)
def test_no_name_takes_long(piece: str) -> None:
    name = (piece * 10_000)[:10_000]
    frames = [Frame(function=name + str(i), module=name, filename=name, abs_path=name) for i in range(100)]
    report = Report(message=name, exceptions=[ExceptionInfo(type=name, value=name, frames=frames)])
    assert seconds(lambda: group_report(report)) < 1.0


marks = st.sampled_from([*PIECES, "Error: no", "java:1)", "1", "é", "\x00", "\ud800"])


@given(st.lists(marks, max_size=40).map("".join) | st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    for parse in (parse_stack, *PARSERS):
        for one in parse(text):
            assert len(one.frames) <= MAX_ENTRIES["frames"]
