"""Migrations beside other releases: whoever is older leaves what is there as it is; views are replaced."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from avalon.database import Database
from avalon.errors import SchemaError
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


async def rows(url: str, query: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def leave_another_view(owner: psycopg.AsyncConnection[Any]) -> None:
    """As if the last release had had another view of this name; this one finds other checksums."""
    await owner.execute("DROP VIEW reporting.issue_daily")
    await owner.execute("CREATE VIEW reporting.issue_daily AS SELECT 1 AS something_else")
    await owner.execute("UPDATE runtime.release SET routines_sha256 = ''")


async def test_a_view_with_other_columns_is_made_anew(
    urls: Urls, owner: psycopg.AsyncConnection[Any]
) -> None:
    await leave_another_view(owner)
    await migrate(urls.owner, urls.service)
    assert await rows(urls.reporting, "SELECT day, issue FROM issue_daily") == []


async def test_somebodys_own_view_on_it_is_named_and_not_dropped(
    urls: Urls, owner: psycopg.AsyncConnection[Any]
) -> None:
    await leave_another_view(owner)
    await owner.execute("CREATE VIEW reporting.my_own AS SELECT * FROM reporting.issue_daily")
    with pytest.raises(SchemaError, match=r"my_own"):
        await migrate(urls.owner, urls.service)
    await owner.execute("DROP VIEW reporting.my_own")
    await migrate(urls.owner, urls.service)
    assert await rows(urls.owner, "SELECT day FROM reporting.issue_daily") == []


async def test_a_view_with_the_same_columns_keeps_what_is_built_on_it(
    urls: Urls, owner: psycopg.AsyncConnection[Any]
) -> None:
    await owner.execute("CREATE VIEW reporting.my_own AS SELECT * FROM reporting.issue")
    await owner.execute("UPDATE runtime.release SET routines_sha256 = ''")
    await migrate(urls.owner, urls.service)
    assert await rows(urls.owner, "SELECT * FROM reporting.my_own") == []


async def test_a_table_of_the_baseline_has_the_keys_of_its_model_and_no_other_index(
    urls: Urls, owner: psycopg.AsyncConnection[Any]
) -> None:
    await owner.execute("CREATE INDEX left_by_an_older_release ON baseline.issue (status)")
    await owner.execute("UPDATE runtime.release SET routines_sha256 = ''")
    await migrate(urls.owner, urls.service)
    keys = (
        "SELECT t.relname, pg_get_constraintdef(k.oid)"
        " FROM pg_constraint AS k JOIN pg_class AS t ON t.oid = k.conrelid"
        " WHERE k.contype = 'p' AND t.relnamespace = '{}'::regnamespace AND t.relname <> 'sealed' ORDER BY 1"
    )
    assert await rows(urls.owner, keys.format("baseline")) == await rows(
        urls.owner, keys.format("projection")
    )
    assert (
        await rows(
            urls.owner,
            "SELECT indexrelid FROM pg_index"
            " WHERE indrelid::regclass::text LIKE 'baseline.%' AND NOT indisprimary",
        )
        == []
    )
