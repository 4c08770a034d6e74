"""static/avalon.js in pages of another origin, in Chromium: what arrives, how often, and how quietly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from avalon.statements import STATIC
from tests.clients.conftest import Served
from tests.clients.node import run_installed
from tests.clients.pages import Site, Visit, serving

MAX_BYTES = 2048

browser_only = pytest.mark.browser
Open = Callable[..., Visit]


def test_minified_it_is_under_two_kilobytes(tmp_path: Path) -> None:
    done = run_installed(tmp_path, "node_modules/esbuild/bin/esbuild", "--minify", str(STATIC / "avalon.js"))
    assert 0 < len(done.stdout.encode()) < MAX_BYTES, done.stderr


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as site:
        site.put_page("Bye", path="/bye")
        yield site


@pytest.fixture
def open_page(served: Served, site: Site, browser: Browser) -> Iterator[Open]:
    """A visit to a page that has the script in its head, with this key."""
    context = browser.new_context()

    def open_(
        key: str, body: str = "", query: str = "", quick: bool = True, script: str = "", **headers: str
    ) -> Visit:
        data = f'data-key="{key}" data-release="1.4.2" data-environment="prod"'
        tag = f'<script src="{served.url}/avalon.js" {data}></script>'
        visit = Visit(context, served.url)
        if script:
            visit.page.route("**/avalon.js", lambda route: route.fulfill(body=script))
        if quick:
            visit.page.add_init_script(QUICK_CLOCK)
        visit.page.goto(site.put_page(body, head=tag, **headers) + query)
        return visit

    yield open_
    context.close()


# Timers that are over at once, and say how long they would have been.
QUICK_CLOCK = """
  const waited = (globalThis.waited = []), later = setTimeout;
  globalThis.setTimeout = (does, ms) => { waited.push(ms); return later(does); };
"""


def complaints(visit: Visit) -> list[str]:
    """What the console says beside the page's own errors."""
    return [said for said in visit.console if said.startswith(("error:", "warning:"))]


def bodies(visit: Visit) -> list[list[dict[str, Any]]]:
    return [json.loads(request.post_data or "") for request in visit.sent]


FAILING = """<script>
  const NONE = new TypeError('no stock');
  function total() { return undefined.price; }
  setTimeout(function later() { total(); });
  setTimeout(() => Promise.reject(Object.assign(new RangeError('größer als erlaubt 📦'), { cause: NONE })));
</script><script>this is no script</script>"""


@browser_only
def test_errors_rejections_and_broken_scripts_arrive(served: Served, site: Site, open_page: Open) -> None:
    visit = open_page(served.new_key("fails"), FAILING, query="?q=oatmeal#there", quick=False)
    reports = {report["message"]: report for report in served.reports("fails", 3)}
    error = reports["Cannot read properties of undefined (reading 'price')"]
    assert (error["type"], error["level"], error["path"]) == ("TypeError", "error", "/shop")
    assert (error["release"], error["environment"]) == ("1.4.2", "prod")
    assert f"at total ({site.url}/shop:" in error["stack"]
    assert f"at later ({site.url}/shop:" in error["stack"]
    assert error["metadata"]["user_agent"].startswith("Mozilla/5.0")
    rejection = reports["größer als erlaubt 📦"]
    assert rejection["stack"].startswith("RangeError: größer als erlaubt 📦\n    at ")
    assert "\nCaused by: TypeError: no stock\n    at " in rejection["stack"]
    broken = reports["Unexpected identifier 'is'"]
    assert broken["type"] == "SyntaxError"
    assert f"    at {site.url}/shop:" in broken["stack"]
    visit.until(lambda: visit.sent, "a request")
    assert [len(body) for body in bodies(visit)] == [3], "three at once are one request"
    assert "oatmeal" not in json.dumps(bodies(visit)), "an address is sent without its query"
    assert visit.statuses() == [201]
    assert visit.preflights == []
    assert complaints(visit) == []


@browser_only
def test_what_is_reported_by_hand_has_its_fields(served: Served, open_page: Open) -> None:
    visit = open_page(served.new_key("by_hand"))
    visit.page.evaluate("""() => {
      const fields = { level: 'warning', tags: { step: 'pay' }, user: { id: 42 }, metadata: { order: 17 } };
      avalon.report(new RangeError('out of range'), fields);
      avalon.report('just a text');
      avalon.report({ code: 7 });
      avalon.report(undefined);
      const first = new Error('the snake'), second = new Error('its tail', { cause: first });
      first.cause = second;
      avalon.report(first);
      const circle = {};
      circle.circle = circle;
      avalon.report(new Error('in circles'), { metadata: circle });
      avalon.report({ get message() { throw new Error('a trap'); } });
      avalon.report(Object.assign(new Error('an odd stack'), { stack: 42 }));
    }""")
    reports = {report["message"]: report for report in served.reports("by_hand", 7)}
    known = {
        "out of range",
        "just a text",
        '{"code":7}',
        "undefined",
        "the snake",
        "in circles",
        "an odd stack",
    }
    assert set(reports) == known
    report = reports["out of range"]
    assert (report["level"], report["tags"], report["user"]["id"]) == ("warning", {"step": "pay"}, "42")
    assert report["metadata"]["order"] == 17
    assert "Caused by: Error: its tail" in reports["the snake"]["stack"]
    assert complaints(visit) == []


@browser_only
def test_a_thousand_equal_errors_are_one_report_that_counts_them(served: Served, open_page: Open) -> None:
    burst = "for (let n = 0; n < 1000; n++) setTimeout(function fall() { throw new Error('again') });"
    visit = open_page(served.new_key("burst"), f"<script>{burst}</script>", quick=False)
    (report,) = served.reports("burst")
    assert report["metadata"]["occurrences"] == 1000
    visit.page.evaluate("avalon.report(new Error('another'))")
    visit.until(lambda: len(visit.sent) > 1, "another request")
    assert [len(body) for body in bodies(visit)] == [1, 1]


@browser_only
def test_the_same_error_later_is_a_report_again(served: Served, open_page: Open) -> None:
    visit = open_page(served.new_key("later"))
    fall = "() => { avalon.report(Object.assign(new Error('again'), { stack: '' })) }"
    visit.page.evaluate(fall)
    visit.until(visit.statuses, "an answer")
    visit.page.evaluate(fall)
    visit.page.evaluate("() => { const now = Date.now; Date.now = () => now() + 5_000 }")
    visit.page.evaluate(fall)
    counts = [report["metadata"]["occurrences"] for report in served.reports("later", 2)]
    assert counts == [1, 3]


@browser_only
def test_a_page_sends_at_most_a_hundred(served: Served, open_page: Open) -> None:
    visit = open_page(served.new_key("many"))
    visit.page.evaluate("() => { for (let n = 0; n < 300; n++) avalon.report(`number ${n}`); }")
    visit.until(lambda: sum(map(len, bodies(visit))) >= 100, "a hundred reports")
    assert len(served.reports("many", 100)) == 100
    assert max(map(len, bodies(visit))) == 10


@browser_only
def test_an_error_right_before_a_page_is_closed_arrives(served: Served, site: Site, open_page: Open) -> None:
    visit = open_page(served.new_key("closed"), quick=False)
    visit.page.evaluate("avalon.report(new Error('the last words'))")
    visit.page.close()
    (report,) = served.reports("closed")
    assert report["message"] == "the last words"


@browser_only
def test_what_was_on_its_way_as_a_page_is_left_is_stored_once(
    served: Served, site: Site, open_page: Open
) -> None:
    visit = open_page(served.new_key("left"))
    visit.page.evaluate("""() => {
      const fetch = globalThis.fetch;
      const sent = new Promise((go) => (globalThis.fetch = (...request) => (go(), fetch(...request))));
      avalon.report(new Error('twice'));
      return sent;
    }""")
    visit.page.goto(f"{site.url}/bye")
    visit.page.goto(f"{site.url}/bye")
    assert len(served.reports("left")) == 1


@browser_only
def test_over_its_keys_rate_it_waits_as_long_as_it_is_told(served: Served, open_page: Open) -> None:
    visit = open_page(served.new_key("rated"))
    answers = iter([(429, "7"), (503, "11")])

    def refuse(route: Route) -> None:
        status, seconds = next(answers, (0, ""))
        if not status:
            return route.fallback()
        cors = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "retry-after"}
        return route.fulfill(status=status, headers={"Retry-After": seconds, **cors}, body="{}")

    visit.page.route(f"{served.url}/report/**", refuse)
    visit.page.evaluate("avalon.report(new Error('patience'))")
    visit.until(lambda: len(visit.sent) == 3, "the third try")
    assert len(served.reports("rated")) == 1
    assert visit.page.evaluate("waited") == [1000, 7000, 11000]
    assert len({body[0]["id"] for body in bodies(visit)}) == 1, "a retry is the same report"


@browser_only
def test_a_server_that_is_away_is_given_up_quietly(served: Served, open_page: Open) -> None:
    visit = open_page(served.new_key("away"))
    visit.page.route(f"{served.url}/report/**", lambda route: route.abort())
    visit.page.evaluate("avalon.report(new Error('unheard'))")
    visit.until(lambda: len(visit.sent) == 3, "the third try")
    numbers = count()

    def tries_again() -> bool:
        visit.page.evaluate("n => avalon.report(`unheard ${n}`)", next(numbers))
        return len(visit.sent) > 3

    visit.until(tries_again, "a try with the next error")
    visit.until(lambda: len(visit.sent) >= 6, "three tries of it")
    assert visit.page.evaluate("waited")[:6] == [1000, 5000, 10000, 1000, 5000, 10000]
    assert {said.partition(" net::")[0] for said in complaints(visit)} == {"error: Failed to load resource:"}


@browser_only
@pytest.mark.parametrize("key", ["avl_unknown", "elsewhere"])
def test_a_key_that_is_refused_is_tried_once(
    served: Served, open_page: Open, request: pytest.FixtureRequest, key: str
) -> None:
    if key == "elsewhere":
        key = served.new_key("elsewhere", allowed_origins=["https://shop.example"])
    visit = open_page(key)
    visit.page.evaluate("avalon.report(new Error('refused'))")
    visit.until(visit.statuses, "an answer")
    visit.page.evaluate("avalon.report(new Error('not even tried'))")
    assert visit.page.evaluate("waited") == [1000]
    assert {said.partition(" a status")[0] for said in complaints(visit)} == {
        "error: Failed to load resource: the server responded with"
    }


@browser_only
def test_it_works_under_a_strict_policy_in_an_isolated_page(served: Served, open_page: Open) -> None:
    policy = (
        f"default-src 'none'; script-src {served.url}; connect-src {served.url}; img-src data:; {TRUSTED}"
    )
    headers = {
        "Content_Security_Policy": policy,
        "Cross_Origin_Embedder_Policy": "require-corp",
        "Cross_Origin_Opener_Policy": "same-origin",
    }
    visit = open_page(served.new_key("strict"), **headers)
    assert visit.page.evaluate("crossOriginIsolated")
    visit.page.evaluate("avalon.report(new Error('behind walls'))")
    assert len(served.reports("strict")) == 1
    assert complaints(visit) == []


TRUSTED = "require-trusted-types-for 'script'"


@browser_only
def test_a_script_of_another_origin_is_reported_with_what_would_help(served: Served, open_page: Open) -> None:
    with serving() as elsewhere:
        address = elsewhere.put("/broken.js", "undefined.total();")
        open_page(served.new_key("foreign"), f'<script src="{address}"></script>')
        (report,) = served.reports("foreign")
    assert report["message"] == "Script error."
    assert "crossorigin" in report["metadata"]["note"]


THREE = "<script>for (const n of [1, 2, 3]) avalon.report(new Error(`number ${n}`))</script>"
TWICE = "<script>for (const n of [1, 2]) avalon.report(new Error('again'))</script>"
INLINE = "<script>avalon.report(new Error('here'))</script>"


@browser_only
@pytest.mark.parametrize(
    ("body", "guard", "without", "reports"),
    [
        (TWICE, "< 5000", "< 0", [2]),
        (THREE, "slice(0, 10)", "slice(0, 1)", [1, 1, 1]),
        (INLINE, "[?#]", "[@]", [1]),
    ],
    ids=["dedupe", "batch", "query"],
)
def test_without_its_guards_these_tests_would_see_it(
    served: Served, open_page: Open, body: str, guard: str, without: str, reports: list[int]
) -> None:
    script = (STATIC / "avalon.js").read_text()
    assert guard in script
    visit = open_page(
        served.new_key("control"), body, query="?q=oatmeal", script=script.replace(guard, without)
    )
    visit.until(lambda: len(visit.sent) == len(reports), "all requests")
    assert [len(sent) for sent in bodies(visit)] == reports
    assert ("oatmeal" in json.dumps(bodies(visit))) is (body is INLINE)
