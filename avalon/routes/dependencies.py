"""What handlers may reach, and who may reach them.

`Services` is put together once, in `avalon.app`; a handler gets it by `services(connection)`. `requires`
makes guards: the session itself has been checked before routing, for every path under /api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar.connection import ASGIConnection

from avalon.auth import ROLES, Auth, Principal
from avalon.database import Database
from avalon.drops import Drops
from avalon.errors import Forbidden, Unauthorized
from avalon.feedback import Feedbacks
from avalon.hub import Hub
from avalon.ingest import Ingest
from avalon.listener import Listener
from avalon.regrouping import Regrouping, RuleBook
from avalon.settings import Settings
from avalon.source_maps.chunks import Chunks
from avalon.source_maps.resolver import Resolver
from avalon.subscriptions import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litestar.handlers import BaseRouteHandler

    Connection = ASGIConnection[Any, Any, Any, Any]


class Services(msgspec.Struct, frozen=True):
    """Everything long-lived, opened by the lifespan."""

    settings: Settings
    database: Database
    auth: Auth
    ingest: Ingest
    drops: Drops
    feedback: Feedbacks
    listener: Listener
    hub: Hub
    subscriptions: Subscriptions
    rule_book: RuleBook
    regrouping: Regrouping
    source_maps: Resolver
    chunks: Chunks
    replica: str


def services(connection: Connection) -> Services:
    """The services of the application that serves this connection."""
    found: Services = connection.app.state.services
    return found


def principal(connection: Connection) -> Principal:
    """Who is signed in; raises Unauthorized where nobody is."""
    found: Principal | None = connection.scope.get("state", {}).get("principal")
    if found is None:
        raise Unauthorized
    return found


def requires(role: str) -> Callable[[Connection, BaseRouteHandler], Awaitable[None]]:
    """A guard that lets this role and the greater ones pass: viewer, member, admin."""
    needed = ROLES.index(role)

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        if ROLES.index(principal(connection).role) < needed:
            raise Forbidden(f"this needs the role {role}")

    return guard
