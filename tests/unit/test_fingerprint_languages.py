"""One mistake in each language's own stack: what differs between two machines and days does not split it."""

from __future__ import annotations

import pytest

from avalon.grouping import group_report
from avalon.reports import Report

STACKS = {
    "python": """Traceback (most recent call last):
  File "{root}/shop/{entry}.py", line {line}, in handle
    total(order)
  File "{root}/shop/cart.py", line 1{line}, in {name}
    return lookup(order)
  File "/usr/lib/python3.12/site-packages/redis/client.py", line {line}, in get
    raise ConnectionError(message)
redis.ConnectionError: order {id} is locked
""",
    "v8": """ConnectionError: order {id} is locked
    at Redis.get (/app/node_modules/redis/client.js:{line}:3)
    at Cart.{name} ({root}/src/cart.js:1{line}:5)
    at async {root}/src/{entry}.js:2{line}:7
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
""",
    "firefox": """ConnectionError: order {id} is locked
{name}@https://shop.test/static/cart.0a1b2c3{line}.js:1:1{line}
{entry}/<@https://shop.test/static/main.0a1b2c3{line}.js:1:2{line}
""",
    "java": """com.acme.JobException: job {id} of {entry} failed
\tat com.acme.shop.{entry}.run({entry}.java:{line})
Caused by: redis.clients.jedis.ConnectionException: order {id} is locked
\tat redis.clients.jedis.Client.get(Client.java:{line})
\tat com.acme.shop.Cart.lambda${name}${line}(Cart.java:1{line})
\tat com.acme.shop.Cart$$Lambda${line}/0x00000008000{line}.apply(Unknown Source)
\tat com.acme.shop.{entry}.run({entry}.java:{line})
\t... {line} more
""",
    "dotnet": """Redis.ConnectionException: order {id} is locked
   at System.Net.Sockets.Socket.Connect(String host, Int32 port)
   at Shop.Cart.<{name}>d__{line}.MoveNext() in {root}/Shop/Cart.cs:line 1{line}
--- End of stack trace from previous location ---
   at Shop.{entry}.Run() in {root}/Shop/{entry}.cs:line {line}
""",
    "go": """panic: order {id} is locked

goroutine {id} [running]:
runtime.gopanic({{0x5239e0?, 0xc0000b4018?}})
\t/usr/local/go/src/runtime/panic.go:9{line} +0x21f
github.com/acme/shop/cart.(*Cart).{name}.func{line}(0xc0000b{line})
\t{root}/cart/cart.go:1{line} +0x1d
main.{entry}(...)
\t{root}/main.go:{line} +0x18
""",
    "php": """Redis\\ConnectionException: order {id} is locked in {root}/app/Cart.php:1{line}
Stack trace:
#0 {root}/app/{entry}.php({line}): App\\Cart->{name}({id})
#1 {root}/vendor/laravel/framework/src/Pipeline.php({line}): App\\{entry}->run()
#2 {{main}}
""",
    "rust": """
thread 'main' ({id}) panicked at src/cart.rs:1{line}:5:
order {id} is locked
stack backtrace:
   0: rust_begin_unwind
             at /rustc/07dca489ac2d933c78d3c5158e3f43beefeb02ce/library/std/src/panicking.rs:6{line}:5
   1: core::panicking::panic_fmt
             at /rustc/07dca489ac2d933c78d3c5158e3f43beefeb02ce/library/core/src/panicking.rs:{line}:14
   2: shop::cart::Cart::{name}::{{{{closure}}}}
             at {root}/src/cart.rs:1{line}:5
   3: shop::{entry}::run
             at {root}/src/{entry}.rs:{line}:5
""",
    "ruby": """/usr/lib/ruby/gems/3.3.0/gems/redis-5/redis.rb:{line}:in 'get': order {id} is locked (Locked)
\tfrom {root}/app/cart.rb:1{line}:in 'block in Shop::Cart#{name}'
\tfrom {root}/app/{entry}.rb:{line}:in 'run'
""",
}


def key(language: str, **told: str) -> list[str]:
    told = {"root": "/srv/shop", "entry": "web", "line": "7", "id": "17", "name": "price"} | told
    return group_report(Report(message="failed", stack=STACKS[language].format_map(told))).key_parts


@pytest.mark.parametrize("language", STACKS)
@pytest.mark.parametrize(
    ("part", "other"), [("line", "42"), ("root", "/home/x/v2"), ("entry", "jobs"), ("id", "4711")]
)
def test_a_line_a_checkout_a_way_and_an_id_do_not_split_an_issue(
    language: str, part: str, other: str
) -> None:
    assert key(language, **{part: other}) == key(language)


@pytest.mark.parametrize("language", STACKS)
def test_another_function_is_another_issue(language: str) -> None:
    assert key(language, name="discount") != key(language)
    assert "price" in key(language)[-1]
    assert key(language)[1] == "order <num> is locked"
