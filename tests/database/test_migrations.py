"""Migrations beside other releases: whoever is older leaves what is there as it is."""

from __future__ import annotations

from typing import Any

import psycopg

from avalon.database import Database
from avalon.migrations import migrate
from tests.conftest import Urls


async def test_an_older_release_takes_no_right_away_that_a_newer_one_gave(
    urls: Urls, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    service = psycopg.conninfo.conninfo_to_dict(urls.service)["user"]
    await owner.execute("CREATE TABLE runtime.novelty (n integer)")
    await owner.execute(f"GRANT INSERT ON runtime.novelty TO {service}".encode())
    await owner.execute("UPDATE runtime.release SET version = '99.0.0'")
    await migrate(urls.owner, urls.service)
    assert await database.execute("INSERT INTO runtime.novelty VALUES (1)") == 1
