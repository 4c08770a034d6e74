"""A small application behind the real gate, for the tests of accounts: no server, all in the test's loop."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
from litestar import Litestar, get, websocket
from litestar.connection import WebSocket

from avalon.auth import Auth
from avalon.database import Database
from avalon.routes import auth as auth_routes
from avalon.routes import keys as key_routes
from avalon.routes import users as user_routes
from avalon.routes.gate import authenticate_socket, gate
from avalon.routes.problems import exception_handlers
from tests.database.auth_help import PASSWORD, settings

ORIGIN = "http://avalon.test"


@get(["/api/docs", "/api/docs/ui.js", "/api/openapi.json", "/health", "/apiary"])
async def open_page() -> str:
    return "open"


@get(["/api/anything", "/api/{rest:path}"])
async def closed_page() -> str:
    return "closed"


@websocket("/ws")
async def echo(socket: WebSocket[Any, Any, Any]) -> None:
    found = socket.app.state.services
    who = await authenticate_socket(found.auth, found.settings, socket.scope)
    await socket.accept()
    await socket.send_text(who.username)
    await socket.close()


class App:
    """The application and its services."""

    def __init__(self, database: Database, *, is_guarded: bool = True, **changes: Any) -> None:
        self.settings = settings(**changes)
        self.auth = Auth(database, self.settings, lambda: True)
        handlers = [*auth_routes.handlers, *key_routes.handlers, *user_routes.handlers]
        self.litestar = Litestar(
            [*handlers, open_page, closed_page, echo],
            exception_handlers=exception_handlers,
            openapi_config=None,
        )
        self.litestar.state.services = SimpleNamespace(
            settings=self.settings, auth=self.auth, database=database
        )
        self.asgi: Any = gate(self.litestar, self.settings) if is_guarded else self.litestar

    def client(
        self, base_url: str = ORIGIN, address: str = "198.51.100.7", **named: Any
    ) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.asgi, client=(address, 4242))
        return httpx.AsyncClient(transport=transport, base_url=base_url, **named)

    async def bearer(self, username: str = "ada", role: str = "admin") -> httpx.AsyncClient:
        """A client that is signed in by token, as a new user."""
        await self.auth.users.create("system", username=username, role=role, password=PASSWORD)
        signed_in = await self.auth.login(username, PASSWORD, user_agent="", address="198.51.100.7")
        return self.client(headers={"Authorization": f"Bearer {signed_in.token}"})
