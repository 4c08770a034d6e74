"""What became of an issue's alerts is found by indexes, however many alerts there are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from avalon.statements import load
from tests.database.test_plans import nodes, plan_of

sql = load("history")

ALERTS = """
INSERT INTO log.fact (position, id, type, stream, occurred_at, recorded_at, actor, data)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'alert.delivered' ELSE 'alert.suppressed' END,
  gen_random_uuid(), now(), now(), 'policy:alerts',
  CASE n % 2
    WHEN 0 THEN jsonb_build_object('issues', jsonb_build_object(md5(n::text)::uuid::text, 1))
    ELSE jsonb_build_object('issue', md5(n::text)::uuid::text, 'count', 1)
  END
FROM generate_series(1, 20000) AS n
"""


async def test_they_are_found_by_their_indexes(owner: psycopg.AsyncConnection[Any]) -> None:
    await owner.execute("SELECT log.create_day(current_date)")
    await owner.execute(ALERTS)
    await owner.execute("ANALYZE log.fact")
    params = {"issue": UUID(int=1), "after": 0, "row_limit": 51}
    used = {node.get("Index Name") for node in nodes(await plan_of(owner, sql.facts, params))}
    assert {"fact_alert_issues", "fact_alert_issue"} <= used
    await owner.execute("DROP INDEX log.fact_alert_issues")
    used = {node.get("Index Name") for node in nodes(await plan_of(owner, sql.facts, params))}
    assert "fact_alert_issues" not in used, "the control"
