"""Weeks of a small shop, written to the log as they would have come in: for queries with known answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from avalon.events import REPORTED, uuid7

NOW = datetime.now(UTC)
ALICE, BOB, GONE = UUID(int=501), UUID(int=502), UUID(int=503)
WEB_KEY, OLD_KEY, OFF_KEY, NEW_KEY = (UUID(int=600 + n) for n in range(4))
DISCORD = UUID(int=700)
CART, TIMEOUT, BOOM = UUID(int=1), UUID(int=2), UUID(int=3)  # groups, and so the issues that they open

_INSERT = """
INSERT INTO log.event (
  id, type, stream, service, level, environment, release, occurred_at, recorded_at, actor, data
)
VALUES (
  %(id)s, %(type)s, %(stream)s, %(service)s, %(level)s, %(environment)s, %(release)s,
  %(at)s, %(at)s, %(actor)s, %(data)s
)
"""


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def report(at: datetime, group: UUID, message: str, **more: Any) -> dict[str, Any]:
    user = more.pop("user", None)
    data = {"message": message} | ({"user": {"id": user}} if user else {}) | more.pop("data", {})
    columns = {"type": REPORTED, "level": "error", "actor": f"key:{WEB_KEY}"} | more
    return {"at": at, "stream": group, "data": data} | columns


def fact(at: datetime, kind: str, stream: UUID, actor: str = f"user:{ALICE}", **more: Any) -> dict[str, Any]:
    data = more.pop("data", {})
    return {"at": at, "type": kind, "stream": stream, "actor": actor, "data": data} | more


def _key(key: UUID, name: str, at: datetime) -> dict[str, Any]:
    data = {"name": name, "sha256": f"{key.int:064x}", "prefix": "avl_x"}
    return fact(at, "api_key.created", key, service="shop", data=data)


def _decision(**data: Any) -> dict[str, Any]:
    return {"action": str(UUID(int=900)), "was": {"status": "unresolved", "substatus": "new"}} | data


def _drops(at: datetime, *quantities: int) -> dict[str, Any]:
    rows = [
        {"dropped_by": "sdk", "category": "error", "reason": f"reason {n}", "quantity": quantity}
        for n, quantity in enumerate(quantities)
    ]
    actor = f"key:{WEB_KEY}"
    return fact(at, "reports.dropped", WEB_KEY, actor, service="shop", data={"rows": rows})


def _alert(at: datetime, outcome: str, **data: Any) -> dict[str, Any]:
    positions = {"first_position": 1, "last_position": 2}
    return fact(at, f"alert.{outcome}", DISCORD, "policy:alert", data=positions | data)


def _events() -> list[dict[str, Any]]:
    shop = {"service": "shop", "environment": "prod"}
    cart = shop | {"release": "1.0"}
    timeout = shop | {"release": "1.1", "environment": "staging", "level": "fatal"}
    boom = {"service": "api", "release": "2.0", "level": "warning"}
    back: dict[str, Any] = {"actor": "policy:regressed", "service": "shop"}
    regressed = _decision(group=str(CART), report=str(UUID(int=8)))
    sink = {"kind": "discord", "name": "Discord", "levels": ["fatal"]}
    resolved = _decision(in_release=None, in_next_release=False, current_release=None)
    return [
        _key(OLD_KEY, "Old", ago(days=60)),
        _key(OFF_KEY, "Switched off", ago(days=60)),
        fact(ago(days=59), "api_key.changed", OFF_KEY, service="shop", data={"is_active": False}),
        _key(WEB_KEY, "Web", ago(days=50)),
        fact(ago(days=49), "user.created", GONE, data={"role": "viewer", "must_change_password": False}),
        fact(ago(days=48), "sink.created", DISCORD, data=sink),
        _key(NEW_KEY, "New", ago(days=12)),
        report(ago(days=10), CART, "the cart is empty", user="u1", **cart),
        *(report(ago(days=6), BOOM, "boom", **boom) for _ in range(2)),
        fact(ago(days=3), "issue.resolved", BOOM, service="api", data=resolved),
        *(
            report(ago(days=2), CART, "the cart is empty", user=user, **cart)
            for user in ("u1", "u1", "u2", "u3", "u3")
        ),
        fact(ago(days=1, minutes=3), "issue.regressed", CART, data=regressed, release="1.0", **back),
        fact(ago(days=1, minutes=2), "issue.assigned", CART, data=_decision(assignee=str(BOB))),
        *(report(ago(hours=5), TIMEOUT, "timed out", user="u9", **timeout) for _ in range(4)),
        fact(ago(hours=4), "issue.regressed", CART, data=regressed, release="1.0", **back),
        _alert(ago(hours=3), "delivered", kind="digest", reports=5, issues={str(CART): 3, str(BOOM): 2}),
        _alert(ago(hours=2), "suppressed", reason="storm", issue=str(CART), count=7),
        _alert(ago(hours=2), "suppressed", reason="storm", issue=str(BOOM), count=1),
        _drops(ago(hours=1, minutes=1), 3, 4),
        _alert(ago(hours=1), "failed", reason="the webhook is gone", permanent=True, reports=2),
    ]


async def write(owner: psycopg.AsyncConnection[Any], *events: dict[str, Any]) -> None:
    """Inserts events as the owner, each at its own time; they come in that order."""
    for event in events:
        if event["type"] == REPORTED:
            await owner.execute("SELECT log.create_day(%s::date)", [event["at"]])
        columns = dict.fromkeys(("service", "level", "environment", "release")) | {"id": uuid7()} | event
        await owner.execute(_INSERT.encode(), columns | {"data": msgspec.json.encode(event["data"]).decode()})


async def write_story(owner: psycopg.AsyncConnection[Any]) -> None:
    for user, name in ((ALICE, "alice"), (BOB, "bob")):
        await owner.execute(
            "INSERT INTO account.app_user (id, username, password_hash) VALUES (%s, %s, 'a secret')",
            [user, name],
        )
    await write(owner, *_events())
