"""Lists and pages of issues, over HTTP, among a million of them and ten million reports."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx
from lists_fill import fill
from parts import Service, postgres, service, show

ISSUES = 1_000_000
REPORTS = 10_000_000
ROUNDS = 40
WORDS = (
    "user",
    "order",
    "cart",
    "invoice",
    "session",
    "token",
    "payment",
    "image",
    "cache",
    "queue",
    "event",
    "mail",
)
SORTS = ("last_seen", "first_seen", "events", "users", "trend")
STATES = ("unresolved", "resolved", "ignored", "muted", "new", "regressed", "ongoing")

Make = Callable[[random.Random], dict[str, Any]]
Ask = Callable[[random.Random], tuple[str, dict[str, Any]]]


def _q(make: Callable[[random.Random], str], **more: Any) -> Make:
    return lambda chance: {"q": make(chance), **more}


def _word(chance: random.Random) -> str:
    return chance.choice(WORDS)


def _name(chance: random.Random) -> str:
    return _word(chance) + _word(chance).title()


# Kind: what is asked of /api/issues.
KINDS: dict[str, Make] = {
    **{f"all by {sort}": (lambda _, sort=sort: {"sort": sort}) for sort in SORTS},
    **{f"is:{state}": _q(lambda _, state=state: f"is:{state}") for state in STATES},
    **{f"unresolved by {sort}": _q(lambda _: "is:unresolved", sort=sort) for sort in SORTS},
    "service": _q(lambda chance: f"service:service-{chance.randrange(40)}"),
    "service by events": _q(lambda chance: f"service:service-{chance.randrange(40)}", sort="events"),
    "level:fatal": _q(lambda _: "level:fatal"),
    "type": _q(lambda chance: f"type:TypeError{10 * chance.randrange(40)}"),
    "type wildcard": _q(lambda _: "type:Null*"),
    "assigned": _q(lambda _: "is:assigned"),
    "common word": _q(_word),
    "two common words": _q(lambda chance: f"{_word(chance)} {_word(chance)}"),
    "rare word": _q(lambda chance: str(chance.randrange(10_000, 100_000))),
    "identifier": _q(_name),
    "prefix": _q(lambda chance: _name(chance)[:-2]),
    "short prefix": _q(lambda chance: chance.choice("abcdefghil")),
    "phrase": _q(lambda chance: f'"could not parse {_name(chance)}"'),
    "no such word": _q(lambda chance: f"zzz{chance.randrange(1000)}"),
    "negated word": _q(lambda chance: f"-{_word(chance)}"),
    "filter and word": _q(lambda chance: f"is:unresolved level:error {_word(chance)}"),
    "filter and identifier": _q(lambda chance: f"is:unresolved service:service-3 {_name(chance)}"),
    "filter and word by events": _q(lambda chance: f"is:unresolved {_word(chance)}", sort="events"),
    "env:prod": _q(lambda _: "env:prod"),
    "env:canary": _q(lambda _: "env:canary"),
    "release": _q(lambda chance: f"release:1.{chance.randrange(9)}.{chance.randrange(70)}"),
    "release wildcard": _q(lambda chance: f"release:1.{chance.randrange(9)}.*"),
    "rare release wildcard": _q(lambda chance: f"release:2.3.2{chance.randrange(10)}*"),
    "tag": _q(lambda chance: f"tag.server:web-{chance.randrange(300)}"),
    "rare tag and filter": _q(
        lambda chance: f"is:resolved tag.server:web-{chance.randrange(300)} level:fatal"
    ),
    "has tag": _q(lambda _: "has:tag.browser"),
    "no such tag": _q(lambda _: "has:tag.nothing"),
    "user": _q(lambda chance: f"user:{chance.randrange(500_000)}"),
    "everything": _q(
        lambda chance: (
            f"is:unresolved level:error env:prod release:1.4.* tag.browser:firefox last:<7d {_word(chance)}"
        )
    ),
}


def main(issues: int = ISSUES, reports: int = REPORTS) -> None:
    with postgres() as urls, service(*urls) as avalon:
        fill(urls[0], issues, reports)
        rows = _measure(avalon)
    slow = [row["kind"] for row in rows if row["p95 ms"] > row["at most"]]
    show("lists", rows, issues=issues, reports=reports, too_slow=", ".join(slow) or "none")


def _measure(avalon: Service) -> list[dict[str, Any]]:
    with httpx.Client(base_url=avalon.url, timeout=30) as client:
        signed_in = client.post(
            "/api/auth/login", json={"username": avalon.username, "password": avalon.password}
        )
        client.headers["authorization"] = f"Bearer {signed_in.json()['token']}"
        rows = [_row(client, kind, _list(make), 100) for kind, make in KINDS.items()]
        ids = [item["id"] for sort in SORTS for item in _get(client, "/api/issues", {"sort": sort})["items"]]
        for part in ("", "/events", "/tags", "/similar", "/history", ".md"):
            rows.append(_row(client, f"one issue {part}", _part(ids, part), 50))
        return rows


def _part(ids: list[str], part: str) -> Ask:
    return lambda chance: (f"/api/issues/{chance.choice(ids)}{part}", {})


def _list(make: Make) -> Ask:
    return lambda chance: ("/api/issues", make(chance))


def _row(client: httpx.Client, kind: str, ask: Ask, at_most: int) -> dict[str, Any]:
    chance = random.Random(kind)
    took, found = [], 0
    for _ in range(ROUNDS):
        path, params = ask(chance)
        begun = time.perf_counter()
        answer = _get(client, path, params)
        took.append((time.perf_counter() - begun) * 1000)
        found += len(answer.get("items", ())) if answer else 0
    took.sort()
    return {
        "kind": kind,
        "items": found / ROUNDS,
        "p50 ms": statistics.median(took),
        "p95 ms": took[int(0.95 * ROUNDS)],
        "max ms": took[-1],
        "at most": at_most,
    }


def _get(client: httpx.Client, path: str, params: dict[str, Any]) -> Any:
    answer = client.get(path, params=params)
    if answer.status_code != 200:
        raise SystemExit(f"{path} {params}: {answer.status_code} {answer.text}")
    return answer.json() if answer.headers["content-type"].startswith("application/json") else None
