"""The page and servers that go and come back: it says so, and shows every error once."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, expect

from tests.acceptance.replica import Cluster
from tests.browser.conftest import AWAY, Visitor

pytestmark = pytest.mark.browser


async def cut_and_come_back(replicas: Cluster, visitor: Visitor) -> None:
    """Live; then the page's replica is killed, others take reports, and it starts again on its port."""
    visitor.expected.append(AWAY)
    own, other = await replicas.start(), await replicas.start()
    await visitor.sign_in(own)
    await visitor.is_live()
    await own.report(replicas.key, "before")
    await expect(visitor.messages).to_have_text(["before"])
    own.running.process.kill()
    await expect(visitor.badge).to_have_text("Reconnecting")
    for number in range(3):
        await other.report(replicas.key, f"meanwhile {number}")
    await replicas.start(port=own.port)
    await visitor.is_live()


async def test_after_a_restart_nothing_is_missing_and_nothing_stands_twice(
    replicas: Cluster, visitor: Visitor
) -> None:
    await cut_and_come_back(replicas, visitor)
    await expect(visitor.messages).to_have_text(["meanwhile 2", "meanwhile 1", "meanwhile 0", "before"])


async def test_without_the_position_it_would_miss_them(replicas: Cluster, visitor: Visitor) -> None:
    """The control: a page that subscribes from now on instead of from where it stood."""

    async def forget(route: Route) -> None:
        answer = await route.fetch()
        text = await answer.text()
        assert "send({ type: 'subscribe', after })" in text
        await route.fulfill(response=answer, body=text.replace("'subscribe', after }", "'subscribe' }"))

    await visitor.page.route("**/static/live.js", forget)
    await cut_and_come_back(replicas, visitor)
    await expect(visitor.messages).to_have_text(["before"])


async def test_a_network_that_is_gone_is_called_offline_and_used_again_at_once(
    replicas: Cluster, visitor: Visitor
) -> None:
    visitor.expected += [AWAY, "ERR_INTERNET_DISCONNECTED"]
    replica = await replicas.start()
    await visitor.sign_in(replica)
    await visitor.is_live()
    await visitor.page.context.set_offline(True)
    await expect(visitor.badge).to_have_text("Offline")
    await replica.report(replicas.key, "meanwhile")
    await visitor.page.context.set_offline(False)
    await visitor.is_live()
    await expect(visitor.messages).to_have_text(["meanwhile"])


async def test_a_replica_that_is_stopped_hands_its_pages_to_the_others(
    replicas: Cluster, visitor: Visitor
) -> None:
    """The other replica stands at the same address, as behind a load balancer: it takes the port over."""
    visitor.expected.append(AWAY)
    own = await replicas.start()
    await visitor.sign_in(own)
    await visitor.is_live()
    own.running.process.terminate()
    await expect(visitor.badge).to_have_text("Reconnecting")
    own.running.wait()
    other = await replicas.start(port=own.port)
    await other.report(replicas.key, "from the other")
    await visitor.is_live()
    await expect(visitor.messages).to_have_text(["from the other"])
