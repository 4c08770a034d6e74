"""A replica that reaches its Postgres only by way of a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Server, Urls, running, settings_for
from tests.faults.proxy import Proxy, proxied


@pytest.fixture
async def proxy_and_urls(urls: Urls) -> AsyncIterator[tuple[Proxy, Urls]]:
    async with proxied(urls) as found:
        yield found


@pytest.fixture
def proxy(proxy_and_urls: tuple[Proxy, Urls]) -> Proxy:
    return proxy_and_urls[0]


@pytest.fixture
def urls_by_proxy(proxy_and_urls: tuple[Proxy, Urls]) -> Urls:
    return proxy_and_urls[1]


@pytest.fixture
async def server(urls_by_proxy: Urls, tmp_path: Path) -> AsyncIterator[Server]:
    async with running(settings_for(urls_by_proxy, tmp_path)) as found:
        yield found
