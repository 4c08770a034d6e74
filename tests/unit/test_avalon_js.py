"""What static/avalon.js makes of each engine's errors, as the grouping reads it. No browser."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from uuid import UUID

import pytest

from avalon.grouping.stacks import parse_stack
from avalon.statements import STATIC
from tests.clients.node import NODE

# As the engines write them; Firefox and Safari leave type and message out.
STACKS = {
    "chrome": (
        "Error: the order failed\n    at order (https://shop.test/shop.js?v=3:3:80)"
        "\n    at https://shop.test/cart?q=oatmeal#x:9:2",
        "TypeError: price is undefined\n    at load (https://shop.test/shop.js?v=3:13:72)",
    ),
    "firefox": (
        "order@https://shop.test/shop.js?v=3:3:80\n@https://shop.test/cart?q=oatmeal#x:9:2\n",
        "load@https://shop.test/shop.js?v=3:13:72\n",
    ),
    "safari": (
        "order@https://shop.test/shop.js?v=3:3:80\nglobal code@https://shop.test/cart?q=oatmeal#x:9:2",
        "load@https://shop.test/shop.js?v=3:13:72",
    ),
}
# Just as much of a browser as the script asks for; what it sends is printed.
PROGRAM = """
globalThis.document = { currentScript: null };
globalThis.location = new URL('https://shop.test/cart?q=oatmeal');
const listeners = {};
globalThis.addEventListener = (name, listener) => { listeners[name] = listener; };
globalThis.setTimeout = queueMicrotask;
globalThis.fetch = async (_, { body }) => (console.log(body), { status: 201 });
%s
%s
const [outer, inner] = %s;
const cause = Object.assign(new TypeError('price is undefined'), { stack: inner });
avalon.report(Object.assign(new Error('the order failed', { cause }), { stack: outer }));
"""


def sent_by(stacks: tuple[str, str], before: str = "") -> dict[str, Any]:
    program = PROGRAM % (before, (STATIC / "avalon.js").read_text(), json.dumps(stacks))
    done = subprocess.run([NODE], input=program, capture_output=True, text=True, timeout=60)
    (report,) = json.loads(done.stdout or done.stderr)
    return report


@pytest.mark.parametrize("engine", STACKS)
def test_each_error_of_a_chain_has_its_type_and_its_frames(engine: str) -> None:
    report = sent_by(STACKS[engine])
    assert (report["error"]["type"], report["error"]["message"]) == ("Error", "the order failed")
    outer, inner = parse_stack(report["error"]["stack"])
    assert (outer.type, outer.value) == ("Error", "the order failed")
    assert (inner.type, inner.value) == ("TypeError", "price is undefined")
    assert [(frame.function, frame.lineno) for frame in outer.frames][-1] == ("order", 3)
    assert [(frame.function, frame.lineno) for frame in inner.frames] == [("load", 13)]
    assert {frame.filename for frame in inner.frames} == {"https://shop.test/shop.js"}
    assert "oatmeal" not in json.dumps(report), "a page's address is sent without its query"


def test_a_page_without_tls_names_its_reports_too() -> None:
    """There browsers have no randomUUID (Web Cryptography §10.1)."""
    before = "Object.defineProperty(globalThis, 'crypto', { value: {} });"
    ids = {sent_by(STACKS["chrome"], before)["id"] for _ in range(2)}
    assert len({UUID(id) for id in ids if UUID(id).version == 4}) == 2


def test_an_error_event_of_the_pages_own_making_throws_nothing() -> None:
    """`dispatchEvent(new Event('error'))` has none of an ErrorEvent's fields."""
    program = PROGRAM % ("", (STATIC / "avalon.js").read_text(), json.dumps(STACKS["chrome"]))
    done = subprocess.run(
        [NODE],
        input=f"{program}listeners.error(new Event('error'));",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
