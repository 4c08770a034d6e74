"""Who uploads in these tests."""

from __future__ import annotations

import httpx
import pytest

from tests.conftest import Server
from tests.source_maps.bundles import Uploader, upload_key


@pytest.fixture
async def uploader(server: Server, admin: httpx.AsyncClient) -> Uploader:
    return Uploader(admin, await upload_key(admin, server.service))
