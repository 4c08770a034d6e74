"""asyncio: a task that nobody awaits, and a group of tasks of which two fail."""

import asyncio

import sentry_sdk
import wire
from sentry_sdk.integrations.asyncio import AsyncioIntegration

assert wire


async def fails(name: str, after: asyncio.Event | None = None) -> None:
    if after:
        await after.wait()
    raise ValueError(f"task {name} failed")


async def main() -> None:
    sentry_sdk.init(debug=True, traces_sample_rate=1.0, integrations=[AsyncioIntegration()])
    with sentry_sdk.isolation_scope() as scope:
        scope.set_tag("job", "nightly")
        task = asyncio.create_task(fails("alone"), name="alone")
        await asyncio.wait([task])
        task.exception()
    go = asyncio.Event()
    asyncio.get_running_loop().call_soon(go.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(fails("a", go))
        group.create_task(fails("b", go))


asyncio.run(main())
