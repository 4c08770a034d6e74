"""The README's line for browsers in a web page of another origin, and the dashboard that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.async_api import expect

from tests.acceptance.readme import the_block
from tests.acceptance.replica import Cluster, Replica
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser

SHOP = """<!doctype html><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">
%s
<script>
  addEventListener('load', () => {
    setTimeout(() => { undefined.total(); });
    Promise.reject(new RangeError('größer als erlaubt 📦'));
  });
</script>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def shop(folder: Path, replica: Replica, key: str) -> Iterator[str]:
    folder.mkdir()
    tag = the_block("html").replace("https://avalon.example", replica.url).replace("avl_your_api_key", key)
    (folder / "index.html").write_text(SHOP % tag)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


async def test_what_fails_in_a_web_page_arrives(
    replicas: Cluster, replica: Replica, visitor: Visitor, tmp_path: Path
) -> None:
    await visitor.sign_in(replica)
    await visitor.is_live()
    with shop(tmp_path / "shop", replica, replicas.key) as address:
        page = await visitor.page.context.new_page()
        await page.goto(address)
        await expect(visitor.messages).to_have_count(2)
    expected = {
        "RangeError: größer als erlaubt 📦",
        "TypeError: Cannot read properties of undefined (reading 'total')",
    }
    assert set(await visitor.messages.all_inner_texts()) == expected
    await visitor.page.get_by_role("link", name="Cannot read").click()
    await expect(visitor.page.locator("[data-field=stack]")).to_contain_text(f"at {address}")
