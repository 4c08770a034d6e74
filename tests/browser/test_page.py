"""The page, as people use it: signing in, the live list, one report."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.acceptance.replica import PASSWORD, Cluster, Replica, cluster_of
from tests.browser.conftest import Visitor
from tests.conftest import Urls

pytestmark = pytest.mark.browser

STACK = "TypeError: boom\n    at total (/srv/shop/cart.js:7:3)\n    at submit (/srv/shop/cart.js:20:4)"


async def test_a_newcomer_chooses_a_password_and_sees_the_first_error_arrive(
    urls: Urls, tmp_path: Path, visitor: Visitor
) -> None:
    page = visitor.page
    async with cluster_of(urls, tmp_path, AVALON_ADMIN_PASSWORD="") as replicas:
        replica = await replicas.start()
        await visitor.sign_in(replica, password=replicas.first_password)
        await visitor.sees_heading("Choose a password")
        await page.get_by_label("New password", exact=True).fill(PASSWORD)
        await page.get_by_label("New password, again").fill(PASSWORD)
        await page.get_by_role("button", name="Change it").click()
        await visitor.sees_heading("Errors")
        await visitor.is_live()
        await expect(page.get_by_text("No errors yet")).to_be_visible()
        await page.evaluate("window.isTheSamePage = true")
        await replica.report(replicas.key, "Hello, Avalon", error={"path": "/x", "method": "GET"})
        await expect(visitor.messages).to_have_text(["Hello, Avalon"])
        await expect(page.locator("#errors li")).to_contain_text(["error", "my-app", "GET /x"][:1])
        await expect(page.get_by_text("No errors yet")).to_be_hidden()
        assert await page.evaluate("window.isTheSamePage"), "without a reload"
        await page.reload()
        await expect(visitor.messages).to_have_text(["Hello, Avalon"])


async def test_what_can_not_be_is_said_at_the_form(replica: Replica, visitor: Visitor) -> None:
    visitor.expected.append(r"401 \(Unauthorized\).*/api/auth/login")
    await visitor.sign_in(replica, password="wrong")
    await expect(visitor.page.get_by_role("alert")).to_have_text("wrong username or password")
    await visitor.sees_heading("Sign in")
    assert await visitor.page.get_by_label("Username").get_attribute("autocomplete") == "username"
    assert await visitor.page.get_by_label("Password").get_attribute("autocomplete") == "current-password"


async def test_the_empty_list_teaches_a_command_that_works(replica: Replica, visitor: Visitor) -> None:
    await visitor.sign_in(replica)
    command = visitor.page.locator("pre")
    await expect(command).to_contain_text(f"curl {replica.url}/report -H 'X-API-Key: avl_your_api_key'")
    await visitor.page.get_by_role("button", name="New API key").click()
    await expect(command).not_to_contain_text("avl_your_api_key")
    key = re.findall(r"avl_\w+", await command.inner_text())[0]
    dsn = f"{replica.url.replace('://', f'://{key}@')}/1"
    await expect(visitor.page.get_by_role("status").last).to_contain_text(dsn)
    await replica.report(key, "with the key of the page")
    await expect(visitor.messages).to_have_text(["with the key of the page"])


async def test_newer_errors_stand_above_older_ones_and_a_deleted_one_goes(
    replicas: Cluster, replica: Replica, visitor: Visitor
) -> None:
    await replica.report(replicas.key, "zero")
    await visitor.sign_in(replica)
    await visitor.is_live()
    stored = [await replica.report(replicas.key, name) for name in ("one", "two", "three")]
    await expect(visitor.messages).to_have_text(["three", "two", "one", "zero"])
    async with replica.signed_in() as client:
        assert (await client.delete(f"/api/errors/{stored[1]['id']}")).status_code == 200
    await expect(visitor.messages).to_have_text(["three", "one", "zero"])


async def test_a_click_shows_one_report_and_its_address_works_on_its_own(
    replicas: Cluster, replica: Replica, visitor: Visitor
) -> None:
    page = visitor.page
    stored = await replica.report(
        replicas.key, "boom", level="fatal", error={"stack": STACK, "type": "TypeError"}, release="1.4.2"
    )
    await visitor.sign_in(replica)
    await page.get_by_role("link", name="boom").click()
    await visitor.sees_heading("boom")
    await expect(page.locator("[data-field=stack]")).to_have_text(STACK)
    for text in ("fatal", "my-app", "TypeError", "1.4.2", stored["id"]):
        await expect(page.locator("main")).to_contain_text(text)
    assert page.url == stored["url"]
    await page.reload()
    await visitor.sees_heading("boom")
    await page.get_by_role("navigation").get_by_role("link", name="Errors").click()
    await visitor.sees_heading("Errors")
    await page.go_back()
    await visitor.sees_heading("boom")
    await expect(page).to_have_title("boom · Avalon")


async def test_a_report_of_an_sdk_shows_its_type_the_line_that_raised_it_and_what_else_it_says(
    replicas: Cluster, replica: Replica, visitor: Visitor
) -> None:
    frame = {
        "function": "pay",
        "filename": "shop.py",
        "lineno": 7,
        "context_line": "    raise CardError(card)",
    }
    exception = {"type": "CardError", "value": "declined", "stacktrace": {"frames": [frame]}}
    event = {"exception": {"values": [exception]}, "user": {"id": "42"}, "tags": {"plan": "free"}}
    await visitor.sign_in(replica)
    await visitor.is_live()
    async with httpx.AsyncClient(base_url=replica.url) as client:
        answer = await client.post("/api/1/store/", params={"sentry_key": replicas.key}, json=event)
        assert answer.status_code == 200
    await expect(visitor.messages).to_have_text(["CardError: declined"])
    await visitor.page.reload()
    await expect(visitor.messages).to_have_text(["CardError: declined"])
    await visitor.page.get_by_role("link", name="CardError").click()
    await visitor.sees_heading("declined")
    shown = "CardError: declined\n    at pay (shop.py:7)\n        raise CardError(card)"
    await expect(visitor.page.locator("[data-field=stack]")).to_have_text(shown)
    await expect(visitor.page.locator("[data-part=user]")).to_contain_text('"id": "42"')
    await expect(visitor.page.locator("[data-part=tags]")).to_contain_text('"plan": "free"')


async def test_a_link_from_an_alert_leads_through_the_login_to_its_report(
    replicas: Cluster, replica: Replica, visitor: Visitor
) -> None:
    stored = await replica.report(replicas.key, "boom")
    await visitor.sign_in(replica, path=f"/errors/{stored['id']}")
    await visitor.sees_heading("boom")


async def test_a_report_that_is_not_there_is_said_in_words(replica: Replica, visitor: Visitor) -> None:
    visitor.expected.append(r"404 \(Not Found\)")
    await visitor.sign_in(replica, path="/errors/01a203c0-f663-7cb9-b264-3869e9dfcc3f")
    await visitor.sees_heading("No report to show")


async def test_log_out_ends_the_session_and_leaves_nothing_on_the_screen(
    replicas: Cluster, replica: Replica, visitor: Visitor
) -> None:
    await replica.report(replicas.key, "secret business")
    await visitor.sign_in(replica)
    await expect(visitor.messages).to_have_text(["secret business"])
    # The socket's end may be heard before the answer, which takes the cookie away.
    async with visitor.page.expect_response("**/api/auth/logout"):
        await visitor.page.get_by_role("button", name="Log out").click()
    await visitor.sees_heading("Sign in")
    assert "secret business" not in await visitor.page.content()
    await visitor.page.reload()
    await visitor.sees_heading("Sign in")
    assert await visitor.page.context.cookies() == []


async def test_a_session_that_was_ended_elsewhere_leads_back_to_the_login(
    replica: Replica, visitor: Visitor
) -> None:
    await visitor.sign_in(replica)
    await visitor.is_live()
    async with replica.signed_in() as client:
        assert (await client.delete("/api/auth/sessions")).status_code == 200
    await visitor.sees_heading("Sign in")
    await expect(visitor.page.locator("main")).to_contain_text("Your session is over.")
