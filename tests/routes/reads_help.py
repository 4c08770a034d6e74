"""A small application with the reading routes, behind the real headers and a gate that believes the test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import httpx
from litestar import Litestar
from litestar.types import ControllerRouterHandler

from avalon import event_store
from avalon.auth import Principal
from avalon.database import Database
from avalon.event_store import Stored
from avalon.events import NewEvent
from avalon.regrouping import RuleBook
from avalon.routes import (
    changes,
    docs,
    errors,
    health,
    issue_lists,
    issues,
    log,
    pages,
    receipts,
    releases,
    samples,
    services,
    stats,
)
from avalon.routes.headers import headers
from avalon.routes.openapi import openapi_config
from avalon.routes.problems import exception_handlers
from avalon.source_maps.resolver import Resolver
from tests.database.auth_help import settings
from tests.history import ago

USER = UUID(int=42)
HANDLERS = [
    handler
    for module in (
        changes,
        docs,
        errors,
        health,
        issue_lists,
        issues,
        log,
        pages,
        receipts,
        releases,
        samples,
        services,
        stats,
    )
    for handler in module.handlers
]


class DirectIngest:
    """Stands in for group commit: each report is appended at once."""

    def __init__(self, database: Database | None) -> None:
        self._database = database

    async def submit(self, event: NewEvent, key: None = None) -> Stored:
        assert self._database is not None
        (stored,) = await event_store.append(self._database, [event])
        return stored


class Listener:
    """Stands in for the listener, as well as the test says."""

    state = "listening"
    healthy = True

    def is_healthy(self) -> bool:
        return self.healthy


class App:
    """The application; `client(role)` calls it as somebody with that role, or as nobody.

    Without a database it does for what needs none.
    """

    def __init__(
        self, database: Database | None, *more: ControllerRouterHandler, changes: dict[str, Any] | None = None
    ) -> None:
        self.settings = settings(**changes or {})
        self.listener = Listener()
        self.litestar = Litestar(
            [*HANDLERS, *more], exception_handlers=exception_handlers, openapi_config=openapi_config
        )
        self.litestar.state.services = SimpleNamespace(
            settings=self.settings,
            database=database,
            ingest=DirectIngest(database),
            listener=self.listener,
            rule_book=RuleBook(database, lambda: False) if database else None,
            source_maps=Resolver(database, lambda: False) if database else None,
        )

    def client(self, role: str | None = "admin", base_url: str = "http://avalon.test") -> httpx.AsyncClient:
        async def signed_in(scope: Any, receive: Any, send: Any) -> None:
            if role and scope["type"] == "http":
                scope.setdefault("state", {})["principal"] = self.principal(role)
            await self.litestar(scope, receive, send)

        asgi: Any = headers(cast("Any", signed_in), self.settings)
        return httpx.AsyncClient(transport=httpx.ASGITransport(asgi), base_url=base_url)

    def principal(self, role: str) -> Principal:
        fields: dict[str, Any] = {
            "user_id": USER,
            "username": "ada",
            "role": role,
            "session": UUID(int=43),
            "must_change_password": False,
            "expires_at": ago(hours=-24),
        }
        return Principal(**fields)
