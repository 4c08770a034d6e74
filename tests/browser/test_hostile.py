"""Reports that would like to be more than text, and the policy that would stop them if they were."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.acceptance.replica import Cluster, Replica
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser

HOSTILE = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror=\"window.pwned = 1\">",
    "</pre></li><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}}",
]  # fmt: skip


async def test_markup_in_a_report_is_shown_as_the_text_that_it_is(
    replicas: Cluster, replica: Replica, visitor: Visitor
) -> None:
    page = visitor.page
    await visitor.sign_in(replica)
    await visitor.is_live()
    stored: list[dict[str, Any]] = []
    for text in HOSTILE:
        error = {"stack": text, "path": text, "method": "GET", "type": text}
        stored.append(await replica.report(replicas.key, text, error=error, metadata={text: text}))
    await expect(visitor.messages).to_contain_text(HOSTILE[::-1])
    await page.reload()
    await expect(visitor.messages).to_contain_text(HOSTILE[::-1])
    for text, report in zip(HOSTILE, stored, strict=True):
        await page.goto(report["url"])
        await visitor.sees_heading(text)
        await expect(page.locator("[data-field=stack]")).to_have_text(text)
        await expect(page.locator("[data-part=metadata]")).to_contain_text("pwned")
        assert await page.locator("main script, main img, main svg").count() == 0
        assert await page.evaluate("window.pwned") is None


async def test_signs_that_turn_or_hide_text_are_made_visible(
    replicas: Cluster, replica: Replica, visitor: Visitor
) -> None:
    stored = await replica.report(
        replicas.key, "invoice\u202efdp.exe", error={"stack": "\x1b[2J gone \u2066x\u2069"}
    )
    await visitor.sign_in(replica, path=f"/errors/{stored['id']}")
    await visitor.sees_heading(r"invoice\u202efdp.exe")
    await expect(visitor.page.locator("[data-field=stack]")).to_have_text(r"\u001b[2J gone \u2066x\u2069")


# From a timer: what a test evaluates directly, Chromium excuses from the policy against eval.
LATER = (
    "(attack) => new Promise((done) => setTimeout(() => { try { %s; done('') } catch (e) { done(`${e}`) } }))"
)
ATTACKS = [
    "document.body.innerHTML = '<b>x</b>'",
    "document.body.append(Object.assign(document.createElement('script'), { textContent: 'pwned = 1' }))",
    "document.body.append(Object.assign(document.createElement('script'), { src: 'https://evil.example/' }))",
    "eval('pwned = 1')",
]


async def test_the_policy_would_stop_what_the_page_does_not_do(replica: Replica, visitor: Visitor) -> None:
    visitor.expected += ["Content Security Policy", "Trusted"]
    await visitor.page.goto(replica.url)
    await visitor.sees_heading("Sign in")
    for attack in ATTACKS:
        refused = await visitor.page.evaluate(LATER % attack)
        assert re.search("Trusted|Content Security Policy|unsafe-eval", refused), attack
    assert await visitor.page.evaluate("window.pwned") is None
