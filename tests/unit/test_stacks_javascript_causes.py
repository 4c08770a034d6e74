"""JavaScript's chains as text: as the README's snippet joins them, and as Node prints them."""

from __future__ import annotations

import re
import subprocess

from avalon.grouping import group_report
from avalon.grouping.stacks import parse_stack
from avalon.reports import ExceptionInfo, Report
from tests.acceptance.readme import the_block
from tests.clients.node import NODE

V8 = """Error: checkout failed
    at checkout (/app/src/shop.js:{line}:80)
Caused by: {cause}
    at load (/app/src/shop.js:1{line}:72)
    at checkout (/app/src/shop.js:{line}:51)"""
FIREFOX = """{said}checkout@https://shop.test/shop.js:{line}:80
Caused by: {cause}load@https://shop.test/shop.js:1{line}:72
checkout@https://shop.test/shop.js:{line}:51
"""
SAFARI = """checkout@https://shop.test/shop.js:{line}:80
Caused by: load@https://shop.test/shop.js:1{line}:72
map@[native code]
global code@https://shop.test/shop.js:{line}:51"""
TYPE_ERROR = "TypeError: Cannot read properties of undefined (reading 'price')"
SYNTAX_ERROR = "SyntaxError: Expected property name or '}' in JSON at position 1"

PROGRAM = """
const load = (text) => text ? JSON.parse(text) : undefined.price;
const checkout = (text) => {
  try { return load(text); } catch (cause) { throw new Error('checkout failed', { cause }); }
};
const stacks = [];
for (const text of ['', '{half', '']) {
  try { checkout(text); } catch (error) { stacks.push(stackOf(error)); }
}
console.log(stacks.join('\\0'));
"""


def told(text: str) -> list[tuple[str, str, list[str]]]:
    return [
        (one.type, one.value, [frame.function for frame in reversed(one.frames)]) for one in parse_stack(text)
    ]


def key(stack: str) -> list[str]:
    error = ExceptionInfo(type="Error", value="checkout failed")
    report = Report(message="checkout failed", exceptions=[error], stack=stack)
    return group_report(report).key_parts


def v8(cause: str, line: int = 3) -> str:
    return V8.replace("{cause}", cause).replace("{line}", str(line))


def test_the_cause_is_an_error_of_its_own_with_its_frames() -> None:
    assert told(v8("shop.Gone: no such order")) == [
        ("Error", "checkout failed", ["checkout"]),
        ("Gone", "no such order", ["load", "checkout"]),
    ]


def test_two_causes_behind_one_wrapper_are_two_issues() -> None:
    assert key(v8(TYPE_ERROR)) == [
        "TypeError", "Cannot read properties of undefined (reading 'price')", "src.shop.load",
    ]  # fmt: skip
    assert key(v8(SYNTAX_ERROR))[0] == "SyntaxError"
    assert key(v8(TYPE_ERROR)) == key(v8(TYPE_ERROR, line=42))


def test_what_the_readmes_snippet_really_joins_is_told_apart() -> None:
    found = re.search(r"^const stackOf = .*?;\n(?=\n)", the_block("js"), re.MULTILINE | re.DOTALL)
    assert found
    ended = subprocess.run(
        [NODE, "--input-type=module"],
        input=found[0] + PROGRAM,
        capture_output=True,
        text=True,
        check=True,
    )
    price, half, again = [key(stack) for stack in ended.stdout.split("\0")]
    assert (price[0], half[0]) == ("TypeError", "SyntaxError")
    assert price == again


def test_the_innermost_of_nested_causes_decides() -> None:
    nested = v8("Error: no order") + f"\nCaused by: {TYPE_ERROR}\n    at Orders.find (/app/src/orders.js:7:1)"
    assert [one.type for one in parse_stack(nested)] == ["Error", "Error", "TypeError"]
    assert key(nested)[-1] == "src.orders.find"


def test_a_cause_without_a_stack_decides_at_the_place_that_it_is_told_of() -> None:
    outer = v8("").partition("\nCaused by")[0]
    assert told(f"{outer}\nCaused by: RangeError: too deep")[1:] == [("RangeError", "too deep", [])]
    assert key(f"{outer}\nCaused by: the card was declined") == [
        "", "the card was declined", "src.shop.checkout",
    ]  # fmt: skip


def test_an_object_that_says_nothing_of_itself_is_no_cause() -> None:
    outer = v8("").partition("\nCaused by")[0]
    assert key(f"{outer}\nCaused by: [object Object]") == key(outer)
    assert key(outer)[:2] == ["Error", "checkout failed"]


def test_the_words_within_a_message_are_the_messages() -> None:
    error = "Error: checkout failed\nCaused by: a full disk\n    at checkout (/app/src/shop.js:1:2)"
    assert told(error) == [("Error", "checkout failed\nCaused by: a full disk", ["checkout"])]


def test_an_error_may_be_the_cause_of_one_without_frames() -> None:
    joined = (
        f"AggregateError: All promises were rejected\nCaused by: {TYPE_ERROR}\n    at load (/app/a.js:1:2)"
    )
    assert [(type, calls) for type, _, calls in told(joined)] == [
        ("AggregateError", []),
        ("TypeError", ["load"]),
    ]


def test_other_clients_write_the_words_small_or_large() -> None:
    for words in ("caused by", "Caused By"):
        assert key(v8(TYPE_ERROR).replace("Caused by", words)) == key(v8(TYPE_ERROR))


def test_firefox_and_safari_tell_of_a_cause_its_frames_and_clients_the_rest() -> None:
    said = FIREFOX.format(said="Error: checkout failed\n", cause="TypeError: x is undefined\n", line=3)
    assert told(said) == [
        ("Error", "checkout failed", ["checkout"]),
        ("TypeError", "x is undefined", ["load", "checkout"]),
    ]
    assert key(said) == ["TypeError", "x is undefined", "shop.load"]
    for untold in (FIREFOX.format(said="", cause="", line=3), SAFARI.format(line=3)):
        assert key(untold) == ["Error", "checkout failed", "shop.load"]


def test_the_first_error_of_an_aggregate_that_node_prints_decides() -> None:
    printed = f"""Error: no price
    at price (/app/src/price.js:1:2) {{
  [cause]: AggregateError: all failed
      at all (/app/src/price.js:3:4) {{
    [errors]: [
      {TYPE_ERROR}
          at load (/app/src/shop.js:1:72),
      Error: two
          at other (/app/src/shop.js:9:9)
    ]
  }}
}}"""
    assert [one.type for one in parse_stack(printed)] == ["Error", "AggregateError", "TypeError"]
    assert key(printed) == key(v8(TYPE_ERROR))
