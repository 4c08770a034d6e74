"""`create_app`: the only place where things are put together.

Litestar routes; around it two ASGI layers, outermost first: security headers and the access log on every
answer, then the gate that lets nobody under /api without a session. The lifespan owns everything that lives
long: the pool, and the tasks that follow the log, each started again should it ever fail.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from litestar import Litestar
from litestar.types import Receive, Scope, Send

from avalon import minutes, retention
from avalon.auth import Auth
from avalon.database import Database
from avalon.drops import Drops
from avalon.errors import SettingsError
from avalon.events import uuid7
from avalon.feedback import Feedbacks
from avalon.hub import Hub
from avalon.ingest import Ingest
from avalon.issues import keep_unmuting
from avalon.listener import Listener
from avalon.regrouping import Regrouping, RuleBook
from avalon.routes import (
    auth,
    changes,
    docs,
    drops,
    errors,
    feedback,
    grouping,
    health,
    ingest,
    issue_lists,
    issues,
    keys,
    live,
    log,
    otlp,
    pages,
    receipts,
    releases,
    rules,
    samples,
    sentry,
    services,
    sinks,
    source_map_uploads,
    source_maps,
    stats,
    users,
)
from avalon.routes.dependencies import Services
from avalon.routes.gate import gate
from avalon.routes.headers import headers
from avalon.routes.problems import exception_handlers
from avalon.settings import Settings
from avalon.sinks.file import FileSink
from avalon.source_maps import keeping
from avalon.source_maps.chunks import Chunks
from avalon.source_maps.resolver import Resolver
from avalon.source_maps.storage import MB
from avalon.subscriptions import Subscriptions
from avalon.telemetry import Action
from avalon.telemetry import log as log_line

ROUTES: Final = (
    auth,
    changes,
    docs,
    drops,
    errors,
    feedback,
    grouping,
    health,
    ingest,
    issue_lists,
    issues,
    keys,
    live,
    log,
    otlp,
    pages,
    receipts,
    releases,
    rules,
    samples,
    sentry,
    services,
    sinks,
    source_map_uploads,
    source_maps,
    stats,
    users,
)
RESTART_S: Final = 1.0


class Application:
    """The service as an ASGI application."""

    def __init__(self, settings: Settings) -> None:
        self._litestar = Litestar(
            route_handlers=[handler for module in ROUTES for handler in module.handlers],
            lifespan=[_lifespan(settings)],
            exception_handlers=exception_handlers,
            openapi_config=docs.openapi_config,
            request_max_body_size=1_000_000,
            logging_config=None,
        )
        self._handle = headers(gate(self._litestar, settings), settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handle(scope, receive, send)

    @property
    def services(self) -> Services:
        """What the lifespan has built; there is nothing before it."""
        found: Services = self._litestar.state.services
        return found

    def stop(self) -> None:
        """For a server that is about to drain: ends the streams, which would not end by themselves."""
        self.services.hub.stop()


def create_app(settings: Settings) -> Application:
    """The service. The settings must name a database, and its schema be migrated."""
    return Application(settings)


def _lifespan(settings: Settings) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.services = built = await _build(settings, stack)
            log_line(Action.SERVICE_STARTED, replica=built.replica)
            _settle_garbage()
            yield
        log_line(Action.SERVICE_STOPPED, replica=built.replica)

    return lifespan


async def _build(settings: Settings, stack: AsyncExitStack) -> Services:
    """Everything long-lived; the stack ends it in the reverse order."""
    if settings.database_url is None or settings.database_direct_url is None:
        raise SettingsError("DATABASE_URL: the application needs one; `avalon serve` can start its own")
    replica = str(uuid7())
    database = Database(settings.database_url)
    await database.open()
    stack.push_async_callback(database.close)
    ingest_queue = Ingest(settings.database_url)
    await _keep(stack, ingest_queue.run)
    dropped = Drops(database)
    listener = Listener(settings.database_direct_url, database)
    hub = Hub(database, listener)
    auth_ = Auth(database, settings, hub.is_fresh)
    rule_book = RuleBook(database, hub.is_fresh)
    resolver = Resolver(database, hub.is_fresh)
    stack.push_async_callback(resolver.close)
    for cache in (auth_, rule_book, resolver.scripts):
        hub.on_fact(cache.forget)
        hub.on_reset(cache.forget_all)
    subscriptions = Subscriptions(database, listener, settings, replica)
    for run in (dropped.run, subscriptions.run, hub.run, listener.run):
        await _keep(stack, run)
    await _keep_up(stack, settings, database, listener)
    return Services(
        settings=settings,
        database=database,
        auth=auth_,
        ingest=ingest_queue,
        drops=dropped,
        feedback=Feedbacks(database),
        listener=listener,
        hub=hub,
        subscriptions=subscriptions,
        rule_book=rule_book,
        regrouping=Regrouping(database),
        source_maps=resolver,
        chunks=Chunks(database, settings.source_maps_mb * MB),
        replica=replica,
    )


async def _keep_up(stack: AsyncExitStack, settings: Settings, database: Database, listener: Listener) -> None:
    """What works beside the service: ends of mutes and minutes; where set so, the log file and retention."""
    await _keep(stack, lambda: keep_unmuting(database))
    await _keep(stack, lambda: minutes.keep_short(database))
    await _keep(stack, lambda: keeping.keep(database, settings.retention_days))
    if settings.log_file is not None:
        file = FileSink(settings.log_file, database, listener)
        await file.open()
        await _keep(stack, file.run)
    owner_url = settings.database_owner_url
    if settings.retention_days and owner_url is not None:
        await _keep(stack, lambda: retention.keep(owner_url, settings.retention_days))


async def _keep(stack: AsyncExitStack, run: Callable[[], Awaitable[None]]) -> None:
    """Runs a task until the stack ends; one that fails is logged and started again."""
    task = asyncio.create_task(_for_ever(run))

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


async def _for_ever(run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
        except Exception as error:
            name = getattr(run, "__qualname__", "task")
            log_line(Action.UNHANDLED, level="error", task=name, error=f"{type(error).__name__}: {error}")
        await asyncio.sleep(RESTART_S)


def _settle_garbage() -> None:
    """What stands after the start stands for ever: keeps the collector from walking it under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
