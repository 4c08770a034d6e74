"""What eyes need: room on a phone, contrast in light and dark, one heading, links to move by."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.acceptance.replica import Cluster, Replica
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser

LEVELS = ("debug", "info", "warning", "error", "fatal", "critical")
PHONE = {"width": 375, "height": 812}

# The contrast (WCAG 2.2, 1.4.3) of each text with what it stands on; what is below 4.5 is returned.
TOO_FAINT = """() => {
  const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    pixel.clearRect(0, 0, 1, 1); pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = rgb(colour).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (rgb(colour)[3] === 255) return colour;
    }
    return 'white';
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText || !element.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    const name = `${element.tagName}.${element.className}`;
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${name}: ${element.textContent}`);
  }
  return found;
}"""


@pytest.fixture
async def addresses(replicas: Cluster, replica: Replica, visitor: Visitor) -> list[str]:
    """A list with every level and very long texts, and its reports; the visitor is signed in."""
    stack = "Error: no end\n" + "    at " + "x" * 4_000
    for level in LEVELS:
        await replica.report(replicas.key, f"a {level}", level=level)
    error = {"path": "/very/long/" + "p" * 500, "method": "GET", "stack": stack}
    stored = await replica.report(replicas.key, "word " * 300 + "m" * 3_000, error=error)
    await visitor.sign_in(replica)
    await expect(visitor.messages).to_have_count(len(LEVELS) + 1)
    return [f"{replica.url}/", stored["url"]]


async def test_nothing_scrolls_sideways_on_a_phone(
    addresses: list[str], visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.page
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for number, address in enumerate(addresses):
        await page.goto(address)
        await visitor.is_live()
        await expect(page.locator("h1")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert await page.screenshot(path=tmp_path / f"phone-{number}.png", full_page=True)
    await page.get_by_role("button", name="Log out").click()
    await visitor.sees_heading("Sign in")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_every_text_has_contrast_in_light_and_in_dark(addresses: list[str], visitor: Visitor) -> None:
    for address in addresses:
        await visitor.page.goto(address)
        await visitor.is_live()
        await expect_contrast(visitor)
    await visitor.page.get_by_role("button", name="Log out").click()
    await visitor.sees_heading("Sign in")
    await expect_contrast(visitor)


async def expect_contrast(visitor: Visitor) -> None:
    for scheme in ("light", "dark"):
        await visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert await visitor.page.evaluate(TOO_FAINT) == [], scheme


async def test_each_view_has_one_heading_and_links_to_move_by(addresses: list[str], visitor: Visitor) -> None:
    for address in addresses:
        await visitor.page.goto(address)
        await visitor.is_live()
        await expect(visitor.page.locator("h1")).to_have_count(1)
        links = visitor.page.get_by_role("navigation").get_by_role("link")
        assert [await link.get_attribute("href") for link in await links.all()] == ["/", "/api/docs"]


async def test_the_pulse_stands_still_for_those_who_asked_for_less_motion(
    addresses: list[str], visitor: Visitor
) -> None:
    moves = "getComputedStyle(document.querySelector('#live'), '::before').animationName"
    await visitor.is_live()
    assert await visitor.page.evaluate(moves) == "pulse"
    await visitor.page.emulate_media(reduced_motion="reduce")
    assert await visitor.page.evaluate(moves) == "none"
