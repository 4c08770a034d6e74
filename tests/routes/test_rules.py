"""Rules over HTTP: who may change them, what is refused, what was decided, and why in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server, Urls, running, settings_for
from tests.sinks.conftest import until
from tests.sinks.fake_discord import FakeDiscord, Prepared

RULE = {"name": "Loud", "when": "events", "threshold": 3, "window_s": 300, "level": "error"}


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as found:
        yield found


@pytest.fixture
async def server(urls: Urls, tmp_path: Path, discord: FakeDiscord) -> AsyncIterator[Server]:
    async with running(settings_for(urls, tmp_path, AVALON_WEBHOOK_ALLOWED_HOSTS=discord.host)) as found:
        yield found


@pytest.fixture
async def sink(admin: httpx.AsyncClient, discord: FakeDiscord) -> str:
    answer = await admin.post("/api/sinks", json={"url": discord.webhook(), "levels": []})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def create(admin: httpx.AsyncClient, sink: str, **fields: Any) -> dict[str, Any]:
    answer = await admin.post("/api/rules", json=RULE | {"sink": sink} | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decisions(admin: httpx.AsyncClient, rule: dict[str, Any], issue: str = "") -> dict[str, Any]:
    path = f"/api/rules/{rule['id']}/decisions" + (f"?issue={issue}" if issue else "")
    answer = await admin.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def issue_of(admin: httpx.AsyncClient) -> str:
    return str((await admin.get("/api/errors")).json()["items"][0]["issue"]["id"])


async def test_a_rule_is_made_changed_listed_and_deleted(admin: httpx.AsyncClient, sink: str) -> None:
    rule = await create(admin, sink, tags={"browser": ["firefox"]})
    assert rule["created_by"].startswith("user:")
    path = f"/api/rules/{rule['id']}"
    changed = await admin.patch(path, json={"level": None, "pace_s": 60, "is_active": False})
    assert changed.status_code == 200, changed.text
    assert changed.json() == rule | {
        "level": None,
        "pace_s": 60,
        "is_active": False,
        "position": changed.json()["position"],
    }
    assert (await admin.get(path)).json() == changed.json()
    other = await create(admin, sink, name="Other")
    page = (await admin.get("/api/rules", params={"limit": 1, "sink": sink})).json()
    assert [item["name"] for item in page["items"]] == ["Loud"]
    page = (await admin.get("/api/rules", params={"cursor": page["next"]})).json()
    assert ([item["id"] for item in page["items"]], page["next"]) == ([other["id"]], None)
    assert (await admin.delete(path)).json() == {"status": "ok"}
    for answer in (
        await admin.get(path),
        await admin.delete(path),
        await admin.patch(path, json={"name": "x"}),
        await admin.get(f"{path}/decisions"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_rules_of_a_sink_go_with_it(admin: httpx.AsyncClient, sink: str) -> None:
    await create(admin, sink)
    await admin.delete(f"/api/sinks/{sink}")
    assert (await admin.get("/api/rules")).json()["items"] == []
    refused = await admin.post("/api/rules", json=RULE | {"sink": sink})
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"when": "never"}, "when"),
        ({"threshold": None}, "threshold"),
        ({"window_s": 61}, "window_s"),
        ({"level": "loud"}, "level"),
        ({"q": "level:"}, "q"),
        ({"name": " "}, "name"),
        ({"colour": "red"}, "colour"),
        ({"days": 7}, "days"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_can_not_be_asked_is_refused_by_its_field(
    admin: httpx.AsyncClient, sink: str, wrong: dict[str, Any], field: str
) -> None:
    rule = await create(admin, sink)
    made = await admin.post("/api/rules", json=RULE | {"sink": sink} | wrong)
    changed = await admin.patch(f"/api/rules/{rule['id']}", json=wrong)
    for answer in (made, changed):
        assert answer.status_code == 400, answer.text
        assert field in answer.json()["message"]
    assert (await admin.get(f"/api/rules/{rule['id']}")).json() == rule


async def test_a_sink_has_at_most_fifty_rules(admin: httpx.AsyncClient, sink: str) -> None:
    for number in range(50):
        await create(admin, sink, name=f"rule {number}")
    refused = await admin.post("/api/rules", json=RULE | {"sink": sink})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_decisions_say_why_a_rule_did_or_did_not_tell(
    server: Server, admin: httpx.AsyncClient, sink: str, discord: FakeDiscord
) -> None:
    rule = await create(admin, sink)
    await server.report("boom", level="error")
    issue = await issue_of(admin)
    found = await decisions(admin, rule, issue)
    assert found["items"] == [] and found["now"]["tells"] is False
    assert found["now"]["why"] == "1 of 3 events in 5 minutes"
    assert (await decisions(admin, rule))["now"] is None
    for _ in range(2):
        await server.report("boom", level="error")
    await discord.wait_for(lambda discord: bool(discord.accepted))

    async def is_written_down() -> bool:
        return bool((await decisions(admin, rule))["items"])

    await until(is_written_down)
    found = await decisions(admin, rule, issue)
    (item,) = found["items"]
    assert (item["outcome"], item["why"]) == ("delivered", "told: 3 events in 5 minutes")
    assert found["now"]["why"].endswith(" ago; at most one message per hour")
    await admin.patch(f"/api/rules/{rule['id']}", json={"level": "fatal"})
    found = await decisions(admin, rule, issue)
    assert found["now"]["why"] == "level is error; the rule wants fatal or worse"
    await admin.patch(f"/api/rules/{rule['id']}", json={"is_active": False})
    assert (await decisions(admin, rule, issue))["now"]["why"] == "the rule is switched off"
    unknown = await admin.get(f"/api/rules/{rule['id']}/decisions?issue={sink}")
    assert unknown.status_code == 404


WHYS: list[tuple[dict[str, Any], str, str]] = [
    ({"when": "reported"}, "", "nothing stands against it: such a report is told"),
    ({"when": "opened"}, "", "the issue has not opened since the rule was made"),
    ({"when": "reported", "q": "level:fatal"}, "", "the search level:fatal does not find the issue"),
    ({"when": "reported", "release": "2.*"}, "", "release is 1.4; the rule wants 2.*"),
    ({"when": "reported"}, "status = 'ignored'", "the issue is ignored"),
    (
        {"when": "reported"},
        "status = 'ignored', substatus = 'muted', muted_until = '2100-01-01', muted_events = events + 5",
        "the issue is muted until 2100-01-01T00:00:00.000Z or until 5 more events",
    ),
]


@pytest.mark.parametrize(("fields", "state", "why"), WHYS, ids=[why[:40] for _, _, why in WHYS])
async def test_why_is_the_first_thing_that_stops_it(
    server: Server,
    admin: httpx.AsyncClient,
    sink: str,
    owner: Any,
    fields: dict[str, Any],
    state: str,
    why: str,
) -> None:
    await server.report("boom", level="error", release="1.4")
    rule = await create(admin, sink, **{"threshold": None, "window_s": None} | fields)
    issue = await issue_of(admin)
    if state:
        await owner.execute(f"UPDATE projection.issue SET {state}".encode())
    elif not fields.keys() & {"q", "release"} and fields["when"] == "reported":
        assert (await decisions(admin, rule, issue))["now"]["why"] == (
            "its latest report came before the rule was made"
        )
        await admin.post(f"/api/sinks/{sink}/test")
        await admin.patch(f"/api/sinks/{sink}", json={"is_active": False})
        await server.report("boom", level="error", release="1.4")
        found = await decisions(admin, rule, issue)
        assert found["now"]["why"] == "the sink Discord is switched off"
        await admin.patch(f"/api/sinks/{sink}", json={"is_active": True})
    assert (await decisions(admin, rule, issue))["now"]["why"] == why


async def test_a_preview_counts_what_would_have_been_sent(server: Server, admin: httpx.AsyncClient) -> None:
    for _ in range(4):
        await server.report("boom", level="error")
    asked = {key: value for key, value in RULE.items() if key != "name"}
    answer = await admin.post("/api/rules/preview", json=asked | {"days": 30})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["messages"], found["digests"], found["suppressed"]) == (1, 0, 0)
    assert len(found["days"]) == 31
    (example,) = found["examples"]
    assert (example["title"], example["why"]) == ("boom", "3 events in 5 minutes")
    for wrong in ({"days": 31}, {"days": 0}, {"sink": "x"}, {"when": "never"}):
        assert (await admin.post("/api/rules/preview", json=asked | wrong)).status_code == 400


SAID: list[dict[str, Any]] = [
    {},
    {"q": "is:unresolved"},
    {"q": "-is:resolved is:[new, ongoing] boom"},
    {"when": "opened", "threshold": None, "window_s": None, "q": "is:new"},
    {"when": "reported", "threshold": None, "window_s": None, "release": "1.*"},
]


@pytest.mark.parametrize("fields", SAID, ids=str)
async def test_a_preview_tells_what_a_saved_rule_told_whatever_was_decided_since(
    server: Server, admin: httpx.AsyncClient, sink: str, discord: FakeDiscord, fields: dict[str, Any]
) -> None:
    rule = await create(admin, sink, **fields)
    for _ in range(3):
        await server.report("boom", level="error", release="1.4")

    async def is_told() -> bool:
        return bool((await decisions(admin, rule))["items"])

    await until(is_told)
    issue = await issue_of(admin)
    (await admin.patch(f"/api/issues/{issue}", json={"status": "ignored"})).raise_for_status()
    await server.report("boom", level="error", release="1.4")
    (await admin.patch(f"/api/issues/{issue}", json={"status": "resolved"})).raise_for_status()
    told = (await decisions(admin, rule))["items"]
    asked = {key: value for key, value in (RULE | fields).items() if key != "name"}
    found = (await admin.post("/api/rules/preview", json=asked)).raise_for_status().json()
    assert found["messages"] == len(told) == 1
    (example,) = found["examples"]
    if not fields:
        assert told[0]["why"].endswith(example["why"]) and example["why"] == "3 events in 5 minutes"


async def history(admin: httpx.AsyncClient, issue: str) -> list[str]:
    answer = await admin.get(f"/api/issues/{issue}/history")
    assert answer.status_code == 200, answer.text
    return [item["why"] for item in answer.json()["items"] if item["type"].startswith("alert.")]


async def test_an_issues_history_says_what_became_of_its_alerts(
    server: Server, admin: httpx.AsyncClient, sink: str
) -> None:
    rule = await create(admin, sink)
    for message in ("boom", "other"):
        for _ in range(3):
            await server.report(message, level="error")

    async def are_written_down() -> bool:
        return len((await decisions(admin, rule))["items"]) == 2

    await until(are_written_down)
    issue = await issue_of(admin)
    assert await history(admin, issue) == ["told: 3 events in 5 minutes (Discord, rule Loud, 1 report)"]
    (await admin.patch(f"/api/issues/{issue}", json={"status": "ignored"})).raise_for_status()
    await admin.delete(f"/api/rules/{rule['id']}")
    await create(admin, sink, name="All", when="reported", threshold=None, window_s=None)
    await server.report("other", level="error")
    await admin.patch(f"/api/sinks/{sink}", json={"is_active": False})

    async def is_written_off() -> bool:
        return len(await history(admin, issue)) == 2

    await until(is_written_off)
    assert await history(admin, issue) == [
        "told: 3 events in 5 minutes (Discord, rule that is deleted, 1 report)",
        "not told: the issue is ignored (Discord, rule All, 1 report)",
    ]


async def test_a_sink_that_fails_is_why_for_now_and_for_good(
    server: Server, admin: httpx.AsyncClient, sink: str, discord: FakeDiscord
) -> None:
    rule = await create(admin, sink, when="reported", threshold=None, window_s=None)
    discord.always = Prepared(500)
    await server.report("boom", level="error")
    issue = await issue_of(admin)

    async def why() -> str:
        return str((await decisions(admin, rule, issue))["now"]["why"])

    async def is_failing() -> bool:
        return (await why()).startswith("the sink Discord takes no messages now: Discord answered 500")

    await until(is_failing)
    discord.always = Prepared(404, code=10015)

    async def is_off() -> bool:
        return (await why()).startswith("the sink Discord is switched off: ")

    await until(is_off)
    (item,) = (await decisions(admin, rule, issue))["items"]
    assert item["outcome"] == "failed" and item["why"].startswith("given up: ")
    assert (await history(admin, issue))[0].startswith("given up: ")
