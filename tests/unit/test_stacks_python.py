"""Python's tracebacks as text: chains, groups, and what stands between the lines."""

from __future__ import annotations

from avalon.grouping.stacks import parse_stack
from avalon.reports import Frame

CHAINED = """Traceback (most recent call last):
  File "/srv/shop/cart.py", line 12, in total
    return sum(prices[k] for k in keys)
           ~~~~~~^^^
  File "/srv/shop/cart.py", line 12, in <genexpr>
    return sum(prices[k] for k in keys)
KeyError: 'apple'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/views.py", line 40, in show
    total(keys)
  File "/srv/shop/cart.py", line 14, in total
    raise CartError("no price\\nfor it") from error
shop.errors.CartError: no price
for it
"""

GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/srv/app/main.py", line 10, in <module>
  |     asyncio.run(main())
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/main.py", line 4, in fetch
    |     get(url)
    | OSError: unreachable
    |
    | During handling of the above exception, another exception occurred:
    |
    | Traceback (most recent call last):
    |   File "/srv/app/main.py", line 5, in fetch
    |     raise ValueError("bad 1")
    | ValueError: bad 1
    +---------------- 2 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/srv/app/main.py", line 7, in store
    |     raise ExceptionGroup("inner", errors)
    | ExceptionGroup: inner (1 sub-exception)
    +-+---------------- 1 ----------------
      | KeyError: 'k'
      +------------------------------------
"""


def test_a_tracebacks_frames_end_with_the_innermost() -> None:
    (error,) = parse_stack(
        'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in run\n    go()\n'
        '  File "<string>", line 1, in <module>\nValueError\n'
    )
    assert (error.type, error.module, error.value) == ("ValueError", "", "")
    assert error.frames == [
        Frame(function="run", filename="/srv/a.py", lineno=3, context_line="go()"),
        Frame(function="<module>", filename="<string>", lineno=1),
    ]


def test_a_chain_ends_with_what_was_raised_first() -> None:
    outer, inner = parse_stack(CHAINED)
    assert (outer.module, outer.type, outer.value) == ("shop.errors", "CartError", "no price\nfor it")
    assert (inner.type, inner.value) == ("KeyError", "'apple'")
    assert [frame.function for frame in outer.frames] == ["show", "total"]
    assert [frame.function for frame in inner.frames] == ["total", "<genexpr>"]


def test_a_handlers_own_failure_is_a_chain_too() -> None:
    during = "During handling of the above exception, another exception occurred"
    text = CHAINED.replace("The above exception was the direct cause of the following exception", during)
    assert [one.type for one in parse_stack(text)] == ["CartError", "KeyError"]


def test_a_groups_members_follow_it_and_the_first_one_stands_last() -> None:
    parsed = parse_stack(GROUP)
    assert [one.type for one in parsed] == [
        "ExceptionGroup",
        "KeyError",
        "ExceptionGroup",
        "ValueError",
        "OSError",
    ]
    assert parsed[0].value == "unhandled errors in a TaskGroup (2 sub-exceptions)"
    assert parsed[-1].frames == [
        Frame(function="fetch", filename="/srv/app/main.py", lineno=4, context_line="get(url)")
    ]


def test_a_syntax_errors_place_has_no_function() -> None:
    (error,) = parse_stack(
        'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in run\n    import b\n'
        "  File \"/srv/b.py\", line 9\n    if x\n        ^\nSyntaxError: expected ':'\n"
    )
    assert (error.type, error.value) == ("SyntaxError", "expected ':'")
    assert [(frame.function, frame.lineno) for frame in error.frames] == [("run", 3), ("", 9)]


def test_folded_recursion_is_no_frame() -> None:
    (error,) = parse_stack(
        'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in run\n    run()\n'
        "  [Previous line repeated 996 more times]\nRecursionError: maximum recursion depth exceeded\n"
    )
    assert error.type == "RecursionError"
    assert len(error.frames) == 1
