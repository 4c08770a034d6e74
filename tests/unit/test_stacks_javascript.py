"""JavaScript's stacks as text: V8's, Firefox's and Safari's."""

from __future__ import annotations

from avalon.grouping.stacks import parse_stack
from avalon.reports import Frame

V8 = """TypeError: Cannot read properties of undefined (reading 'price')
    at Cart.total (/app/src/cart.js:12:20)
    at /app/src/cart.js:30:5
    at Array.map (<anonymous>)
    at async Promise.all (index 0)
    at new Page (webpack:///./src/(shop)/page.js?a1b2:3:4)
    at eval (eval at <anonymous> (/app/x.js:1:1), <anonymous>:1:7)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  [cause]: RangeError: bad size
      at make (/app/src/make.js:1:2)
}"""
FIREFOX = """total@https://shop.test/main.js:1:2345
render/<@https://shop.test/main.js line 12 > eval:1:5
@https://shop.test/x.js:3:4
"""
SAFARI = """total@https://shop.test/main.js:1:2
map@[native code]
global code@https://shop.test/main.js:3:4"""


def test_v8s_frames_have_functions_places_and_columns() -> None:
    error, cause = parse_stack(V8)
    assert (error.type, error.value) == ("TypeError", "Cannot read properties of undefined (reading 'price')")
    told = [(f.function, f.filename, f.lineno, f.colno) for f in reversed(error.frames)]
    assert told == [
        ("Cart.total", "/app/src/cart.js", 12, 20),
        ("", "/app/src/cart.js", 30, 5),
        ("Array.map", "<native>", None, None),
        ("Promise.all", "<native>", None, None),
        ("new Page", "webpack:///./src/(shop)/page.js?a1b2", 3, 4),
        ("eval", "<eval>", None, None),
        ("process.processTicksAndRejections", "node:internal/process/task_queues", 95, 5),
    ]
    assert (cause.type, cause.value) == ("RangeError", "bad size")
    assert cause.frames == [Frame(function="make", filename="/app/src/make.js", lineno=1, colno=2)]


def test_what_consoles_put_before_the_type_is_left_out() -> None:
    for before in ("Uncaught ", "Uncaught (in promise) ", "/app/a.js:1\nthrow x;\n^\n\n"):
        (error,) = parse_stack(f"{before}shop.Gone: no\n    at f (/app/a.js:1:2)")
        assert (error.module, error.type, error.value) == ("shop", "Gone", "no")


def test_nodes_code_behind_the_type_is_neither_type_nor_message() -> None:
    (error,) = parse_stack("AssertionError [ERR_ASSERTION]: 1 == 2\n    at f (/app/a.js:1:2)")
    assert (error.type, error.value) == ("AssertionError", "1 == 2")


def test_firefox_and_safari_put_an_at_sign_between() -> None:
    (error,) = parse_stack(FIREFOX)
    assert (error.type, error.value) == ("", "")
    assert [(f.function, f.filename, f.lineno, f.colno) for f in reversed(error.frames)] == [
        ("total", "https://shop.test/main.js", 1, 2345),
        ("render", "https://shop.test/main.js", 1, 5),
        ("", "https://shop.test/x.js", 3, 4),
    ]
    (error,) = parse_stack(SAFARI)
    assert [(f.function, f.lineno) for f in reversed(error.frames)] == [
        ("total", 1),
        ("map", None),
        ("global code", 3),
    ]


def test_prose_is_no_stack() -> None:
    assert parse_stack("It broke\n at noon\n at lunch") == []
    assert parse_stack("mail to a@b.c failed") == []
