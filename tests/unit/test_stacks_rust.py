"""Rust's panics as text: with a backtrace and without, of new and of old compilers."""

from __future__ import annotations

import pytest

from avalon.grouping import group_report
from avalon.grouping.stacks import parse_stack
from avalon.reports import Frame, Report

STD = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library"
INDEX = "index out of bounds: the len is 3 but the index is 7"
NONE = "called `Option::unwrap()` on a `None` value"
NOTE = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
BACKTRACE = f"""stack backtrace:
   0: __rustc::rust_begin_unwind
             at {STD}/std/src/panicking.rs:689:5
   1: core::panicking::panic_fmt
             at {STD}/core/src/panicking.rs:80:14
   2: <usize as core::slice::index::SliceIndex<[T]>>::index
             at {STD}/core/src/slice/index.rs:272:10
   3: <shop::Cart as core::fmt::Display>::fmt
             at ./src/main.rs:7:9
   4: shop::login::<alloc::vec::Vec<u8>>::{{{{closure}}}}
             at ./src/main.rs:4
   5: shop::main
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
"""
PANIC = f"\nthread 'main' (2110) panicked at src/main.rs:4:51:\n{INDEX}\n"
FULL = f"""thread '<unnamed>' panicked at src/main.rs:4:51:
{INDEX}
stack backtrace:
   0:     0x55a36967ea6a - std[e28293b1aa0f68bd]::panicking::default_hook::{{closure#0}}
                               at {STD}/std/src/panicking.rs:292:27
   1:     0x55a36964ebc5 - shop::Cart::total::hec2954a7602f5ef2
                               at /srv/shop/src/main.rs:3:75
   2:                0x0 - <unknown>
"""


def key(stack: str) -> list[str]:
    return group_report(Report(message="failed", stack=stack)).key_parts


def panic(function: str, message: str = INDEX) -> str:
    own = f"   1: shop::{function}\n             at ./src/main.rs:4:5\n"
    library = f"   0: core::panicking::panic_fmt\n             at {STD}/core/src/panicking.rs:80:14\n"
    return f"thread 'main' panicked at src/main.rs:4:5:\n{message}\nstack backtrace:\n{library}{own}"


def test_the_message_stands_below_the_place_and_the_innermost_frame_last() -> None:
    (error,) = parse_stack(PANIC + BACKTRACE)
    assert (error.type, error.value) == ("panic", INDEX)
    assert [(f.module, f.function, f.filename, f.lineno, f.colno) for f in error.frames] == [
        ("shop", "main", "", None, None),
        ("shop", "login", "./src/main.rs", 4, None),
        ("shop::Cart", "fmt", "./src/main.rs", 7, 9),
        ("usize", "index", f"{STD}/core/src/slice/index.rs", 272, 10),
        ("core::panicking", "panic_fmt", f"{STD}/core/src/panicking.rs", 80, 14),
        ("__rustc", "rust_begin_unwind", f"{STD}/std/src/panicking.rs", 689, 5),
    ]


def test_a_full_backtrace_has_addresses_and_hashes() -> None:
    (error,) = parse_stack(FULL)
    assert [(frame.module, frame.function) for frame in error.frames] == [
        ("shop::Cart", "total"),
        ("std::panicking", "default_hook"),
    ]
    assert key(FULL)[-1] == "shop.Cart.total"


def test_two_functions_of_one_file_are_two_issues_and_so_are_two_messages() -> None:
    assert key(panic("login")) == [
        "panic", "index out of bounds: the len is <num> but the index is <num>", "shop.login",
    ]  # fmt: skip
    assert key(panic("login")) != key(panic("logout"))
    assert key(panic("login")) != key(panic("login", "no such user"))
    assert key(panic("login")) == key(panic("login").replace(":4:5", ":9:5").replace("is 7", "is 12"))


@pytest.mark.parametrize("below", ["", NOTE, "stack backtrace:\n" + NOTE], ids=["bare", "note", "stripped"])
def test_without_a_backtrace_the_place_is_the_headers(below: str) -> None:
    (error,) = parse_stack(PANIC + below)
    assert error.value == INDEX
    assert error.frames == [Frame(filename="src/main.rs", lineno=4, colno=51)]
    assert key(PANIC + below) != key(PANIC.replace(INDEX, NONE) + below)


@pytest.mark.parametrize(
    "message", ["it's 'gone', so", "assertion failed\n  left: `1`,\n right: `2`"], ids=["quotes", "lines"]
)
def test_old_compilers_put_the_message_in_quotes_before_the_place(message: str) -> None:
    for below in ("", NOTE, BACKTRACE):
        (error,) = parse_stack(f"thread 'main' panicked at '{message}', src/main.rs:4:5\n{below}")
        assert error.value == message
        assert error.frames[0] == (
            Frame(function="main", module="shop")
            if below == BACKTRACE
            else Frame(filename="src/main.rs", lineno=4, colno=5)
        )


def test_a_message_of_several_lines_is_whole() -> None:
    (error,) = parse_stack(PANIC.replace(INDEX, "one\n  left: 1\n right: 2") + BACKTRACE)
    assert error.value == "one\n  left: 1\n right: 2"


def test_the_first_panic_decides_where_another_thread_panics_of_it() -> None:
    joined = "called `Result::unwrap()` on an `Err` value: Any { .. }"
    again, first = parse_stack(panic("load") + "\n" + panic("main", joined))
    assert (again.value, first.value) == (joined, INDEX)
    assert key(panic("load") + "\n" + panic("main", joined)) == key(panic("load"))


def test_a_backtrace_may_come_alone() -> None:
    (error,) = parse_stack(BACKTRACE.partition("\n")[2])
    assert (error.type, error.value) == ("", "")
    assert error.frames[2].function == "fmt"


def test_what_a_web_page_prints_of_a_panic_is_javascripts() -> None:
    (error,) = parse_stack("RuntimeError: panicked at src/lib.rs:4:5:\nno\n    at f (/app/a.js:1:2)")
    assert error.type == "RuntimeError"
