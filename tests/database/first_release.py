"""Databases as release 0.1.0 left them: tables by the migrations that it had, routines as they were."""

from __future__ import annotations

from pathlib import Path

from avalon import migrations, release
from avalon.database import as_query, connect
from avalon.statements import SQL
from tests.conftest import Urls

FOLDER = Path(__file__).parent / "release_0_1"
DAYS = ("2026-11-21", "2026-11-22")


async def make(urls: Urls, *, filled: bool) -> None:
    """Makes it in an empty database, with the reports of `data.sql` or with none."""
    async with await connect(urls.owner, statement_timeout="60s") as owner:
        await release.prepare(owner)
        for path in sorted((SQL / "migrations").glob("000[1-5]_*.sql")):
            await owner.execute(as_query(path.read_text()))
            await owner.execute(
                "INSERT INTO runtime.migration (name, sha256) VALUES (%s, %s)",
                [path.stem, migrations._checksum(path)],
            )
        await owner.execute("SET check_function_bodies = off")
        routines, pipeline, triggers = (
            (FOLDER / "routines.sql").read_text().partition("-- The whole pipeline")
        )
        await owner.execute(as_query(routines))
        await migrations._make_baseline_tables(owner)
        if filled:
            await owner.execute("DELETE FROM baseline.sealed; DELETE FROM runtime.migration")
            for day in DAYS:
                await owner.execute("SELECT log.create_day(%s::date)", [day])
            await owner.execute(as_query((FOLDER / "data.sql").read_text()))
        else:
            await owner.execute("INSERT INTO runtime.release VALUES (true, '0.1.0', '0.1.0', '')")
        await owner.execute(as_query(pipeline + triggers))
