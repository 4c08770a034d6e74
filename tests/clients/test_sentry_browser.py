"""The real @sentry/browser in a page of another origin, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.clients.conftest import Served
from tests.clients.node import bundle
from tests.clients.pages import Site, Visit, serving

pytestmark = pytest.mark.browser

SHOP = """
import * as Sentry from '@sentry/browser';

Sentry.init({
  dsn: DSN,
  release: 'shop@1.4.2',
  environment: 'staging',
  debug: DEBUG === 'yes',
  tracesSampleRate: 1,
  enableLogs: true,
  integrations: [
    Sentry.browserTracingIntegration(),
    ...(ALL === 'yes'
      ? [Sentry.browserProfilingIntegration(), Sentry.replayIntegration({ minReplayDuration: 0 })]
      : []),
  ],
  profileSessionSampleRate: 1,
  profileLifecycle: 'trace',
  replaysSessionSampleRate: 1,
});
Sentry.setUser({ id: '42', email: 'ada@example.org' });
Sentry.setTag('region', 'eu-west');
window.Sentry = Sentry;
console.log('the shop is open');

document.querySelector('#buy').onclick = function buy() {
  const error = new RangeError('sold out', { cause: new Error('no stock') });
  Sentry.captureException(error, { tags: { step: 'buy' } });
};
document.querySelector('#pay').onclick = async function pay() {
  await fetch('/cart');
  undefined.total();
};
document.querySelector('#break').onclick = function fall() {
  setTimeout(function later() {
    throw new TypeError('it broke');
  });
};
document.querySelector('#leave').onclick = function leave() {
  Sentry.captureException(new Error('the last words'));
  location.href = '/bye';
};
"""
BUTTONS = "".join(f"<button id={name}>{name}</button>" for name in ("buy", "pay", "break", "leave"))
Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as site:
        site.put_page("Bye", path="/bye")
        site.put("/cart", "[]")
        yield site


@pytest.fixture
def open_shop(served: Served, site: Site, browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """A visit to the shop whose SDK has this key."""
    context = browser.new_context()

    def open_(key: str, debug: str = "yes", everything: str = "no") -> Visit:
        script = bundle(tmp_path, SHOP, DSN=served.dsn(key), DEBUG=debug, ALL=everything)
        site.put("/shop.js", script)
        address = site.put_page(f'{BUTTONS}<script src="/shop.js"></script>', Document_Policy="js-profiling")
        visit = Visit(context, served.url)
        visit.page.goto(address)
        return visit

    yield open_
    context.close()


def complaints(visit: Visit) -> list[str]:
    return [said for said in visit.console if not said.startswith(("log:", "info:", "debug:"))]


def kinds(visit: Visit) -> set[str]:
    """The items of all envelopes that were sent."""
    bodies = [request.post_data_buffer or b"" for request in visit.sent]
    return {found.decode() for body in bodies for found in re.findall(rb'\n\{"type":"(\w+)"', body)}


def test_what_fails_in_a_page_comes_back_as_it_was_sent(served: Served, site: Site, open_shop: Open) -> None:
    visit = open_shop(served.new_key("shop"))
    for count, button in enumerate(("buy", "pay", "break"), start=1):
        visit.page.click(f"#{button}")
        visit.until(lambda count=count: stored(served, "shop") >= count, f"{count} errors")
    sold_out, rejected, thrown = served.reports("shop", 3)

    outer, cause = sold_out["exceptions"]
    assert (outer["type"], outer["value"], outer["handled"]) == ("RangeError", "sold out", True)
    assert (cause["type"], cause["value"]) == ("Error", "no stock")
    last = outer["frames"][-1]
    assert last["function"].endswith("buy")
    assert (last["filename"], last["in_app"]) == (f"{site.url}/shop.js", True)
    assert sold_out["tags"] == {"region": "eu-west", "step": "buy"}
    assert sold_out["user"] == {"id": "42", "email": "ada@example.org"}
    assert (sold_out["release"], sold_out["environment"]) == ("shop@1.4.2", "staging")
    assert (sold_out["path"], sold_out["platform"]) == ("/shop", "javascript")
    assert sold_out["sdk"]["name"] == "sentry.javascript.browser"
    assert crumbs(sold_out) == [
        ("console", "the shop is open"),
        ("ui.click", "body > button#buy"),
    ]

    (error,) = rejected["exceptions"]
    assert (error["type"], error["handled"]) == ("TypeError", False)
    assert error["value"] == "Cannot read properties of undefined (reading 'total')"
    fetched = next(crumb for crumb in rejected["breadcrumbs"] if crumb["category"] == "fetch")
    assert fetched["data"]["url"] == "/cart"

    (error,) = thrown["exceptions"]
    assert (error["type"], error["value"], error["handled"]) == ("TypeError", "it broke", False)
    assert error["frames"][-1]["function"] == "later"

    assert {"event", "session"} <= kinds(visit)
    assert set(visit.statuses()) == {200}
    assert visit.preflights == [], "the SDK sends what needs none"
    assert complaints(visit) == [], "neither the SDK's nor the browser's"


def crumbs(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(crumb["category"], crumb["message"]) for crumb in report["breadcrumbs"]]


def stored(served: Served, service: str) -> int:
    return len(served.api.get("/api/errors", params={"service": service}).json()["items"])


def test_replays_and_spans_do_not_disturb(served: Served, open_shop: Open) -> None:
    visit = open_shop(served.new_key("everything"), everything="yes")
    visit.page.click("#buy")
    visit.page.evaluate("Sentry.getReplay().flush()")
    visit.page.evaluate("Sentry.flush(2000)")
    visit.until(lambda: {"event", "span", "replay_event", "replay_recording"} <= kinds(visit), "all of it")
    assert set(visit.statuses()) == {200}
    (report,) = served.reports("everything")
    assert report["message"] == "no stock"
    assert complaints(visit) == []


def test_what_is_captured_as_a_page_is_left_arrives(served: Served, site: Site, open_shop: Open) -> None:
    visit = open_shop(served.new_key("left"))
    visit.page.click("#leave")
    visit.page.wait_for_url(f"{site.url}/bye")
    (report,) = served.reports("left")
    assert report["message"] == "the last words"


def test_a_key_is_for_its_origins_and_the_sdk_is_quiet_elsewhere(
    served: Served, site: Site, open_shop: Open
) -> None:
    visit = open_shop(served.new_key("here", allowed_origins=[site.url]))
    visit.page.click("#buy")
    assert [report["message"] for report in served.reports("here")] == ["no stock"]
    assert complaints(visit) == []

    visit = open_shop(served.new_key("elsewhere", allowed_origins=["https://shop.example"]), debug="no")
    visit.page.click("#buy")
    visit.until(lambda: "event" in kinds(visit), "an event")
    assert set(visit.statuses()) == {403}
    refused = "Failed to load resource: the server responded with a status of 403 (Forbidden)"
    assert {said for said in complaints(visit)} <= {f"error: {refused}"}, "the browser's own words"
    assert stored(served, "elsewhere") == 0


# As when a visitor turns to another tab: the SDK tells then what it dropped.
HIDE = """() => {
  Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_it_reads_our_429_across_origins_and_stops(served: Served, open_shop: Open) -> None:
    visit = open_shop(served.new_key("rated", rate_per_minute=2))
    capture = "n => { Sentry.captureException(new Error(`number ${n}`)); return Sentry.flush(2000) }"
    for number in range(200):
        visit.page.evaluate(capture, number)
        if 429 in visit.statuses():
            break
    before = len(visit.sent)
    for more in range(3):
        visit.page.evaluate(capture, 1000 + more)
    assert len(visit.sent) == before, "nothing is sent until the minute is over"
    (id_,) = (key["id"] for key in served.api.get("/api/keys").json()["items"] if key["service"] == "rated")
    answer = served.api.patch(f"/api/keys/{id_}", json={"rate_per_minute": None})
    assert answer.status_code == 200
    visit.page.evaluate("() => { const now = Date.now; Date.now = () => now() + 61_000 }")
    visit.page.evaluate(capture, 2000)
    assert served.reports("rated", 3)[-1]["message"] == "number 2000"
    visit.page.evaluate(HIDE)
    visit.until(lambda: "client_report" in kinds(visit), "a word about what it dropped")
    assert [status for status in visit.statuses() if status != 200] == [429]


def test_a_page_whose_avalon_is_away_goes_on(served: Served, open_shop: Open) -> None:
    visit = open_shop(served.new_key("away"), debug="no")
    visit.page.route(f"{served.url}/**", lambda route: route.abort())
    visit.page.click("#buy")
    visit.until(lambda: "event" in kinds(visit), "an event")
    visit.page.evaluate("Sentry.flush(1000)")
    assert {said.partition(" net::")[0] for said in complaints(visit)} <= {"error: Failed to load resource:"}
