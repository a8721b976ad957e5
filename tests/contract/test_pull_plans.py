"""The pull's statements on a full floor: each reads a few heads, by the index that matches its order."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from router.order import FURTHEST
from services.store import claims, granting, heads, owed, taking

NOW = datetime(2026, 7, 6, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)
FILL_SQL = """
INSERT INTO routing.leads (id, state, direction, source, received_at, seq, last_at)
SELECT 'ld_' || n, 'queued', 'inbound', 'web', :now, 1, :now FROM generate_series(1, 30000) AS n;
INSERT INTO routing.items
  (id, lead_id, kind, queue, state, priority, queued_at, rank_at, returned_by, reserved_for, reserved_until,
   out_of_hours)
SELECT 'itm_' || lpad(n::text, 6, '0'), 'ld_' || n, 'enquiry',
  (ARRAY['inbound/main', 'inbound/second', 'closing/uk'])[1 + n % 3],
  CASE WHEN n % 10 = 0 THEN 'pooled' WHEN n % 2 = 0 THEN 'done' ELSE 'queued' END, 'normal',
  :now + n * interval '1 s', :now + n * interval '1 s',
  CASE WHEN n % 100 = 1 THEN '{rep_1}'::text[] ELSE '{}' END,
  CASE WHEN n % 50 = 3 THEN 'rep_2' END, CASE WHEN n % 50 = 3 THEN :now + interval '1 year' END,
  n < 15000
FROM generate_series(1, 30000) AS n;
INSERT INTO routing.claims
  (id, item_id, lead_id, rep_id, queue, token, state, why, granted_at, expires_at, next_promise, next_at)
SELECT 'clm_' || n, 'itm_' || n, 'ld_' || n, 'rep_' || n % 300, 'inbound/main', 1,
  CASE WHEN n % 5 = 0 THEN 'active' ELSE 'completed' END, 'next', :now, :now, n % 7 = 0, :now
FROM generate_series(1, 30000) AS n;
INSERT INTO routing.meetings (id, opportunity_id, state, at, mode)
SELECT 'mtg_' || n, 'opp_' || n, 'held', :now, 'video' FROM generate_series(1, 3000) AS n;
ANALYZE routing.leads, routing.items, routing.claims, routing.meetings;
"""
QUEUES = ["inbound/main", "inbound/second"]
SQL = {
    name: sql
    for each in (claims, granting, heads, owed, taking)
    for name, sql in vars(each).items()
    if name.endswith("_SQL")
}
TAKING = (False, "rep_1", NOW, LONG_AGO, "clm_new", "next")
STATEMENTS: dict[str, tuple[tuple[Any, ...], int]] = {
    "LOCK_REP_SQL": (("rep_1",), 5),
    "HEADS_SQL": ((QUEUES, False, "rep_1", NOW, QUEUES, [LONG_AGO, LONG_AGO], QUEUES, FURTHEST), 40),
    "TAKE_SQL": ((QUEUES[:1], *TAKING, [NOW], ["closing/uk"]), 80),
    "TAKE_AMONG_SQL": ((QUEUES, *TAKING, [NOW, NOW], ["closing/uk"]), 100),
    "TAKE_RESERVED_SQL": ((QUEUES, False, "rep_2", NOW), 20),
    "TAKE_PROMISE_SQL": (("rep_1", NOW, False), 20),
    "TAKE_LIVE_SQL": (("rep_1", False), 20),
    "GRANT_SQL": (("clm_new", "itm_000001", "rep_1", "next", None, NOW, NOW), 60),
}
"""Each hand-written statement of the pull, with what it is given, and how many blocks it may touch."""


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """30,000 items in three queues and their pools, a third of them done, half out of hours; claims of 300 reps."""
    conn = await asyncpg.connect(database_url)
    await conn.execute(FILL_SQL.replace(":now", _literal(NOW)))
    yield conn
    await conn.close()


def test_every_statement_is_watched_over() -> None:
    assert SQL.keys() == set(STATEMENTS)


async def test_each_statement_reads_heads_by_index_whichever_plan_is_kept(
    floor: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    for name, (given, blocks) in STATEMENTS.items():
        await floor.execute(f"PREPARE {name} AS {SQL[name]}")
        call = f"{name} ({', '.join(map(_literal, given))})"
        for how in ("custom", "generic"):
            plan = await explained(floor, call, how)
            scans = {(node["Node Type"], node["Relation Name"]) for node in nodes(plan) if "Relation Name" in node}
            assert "Seq Scan" not in {scan for scan, _ in scans}, f"{name}, {how}: {sorted(scans)}"
            touched = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            assert touched <= blocks, (name, how, touched)


async def explained(conn: "asyncpg.Connection[asyncpg.Record]", call: str, how: str) -> dict[str, Any]:
    """The plan of a prepared statement as it ran; what it did is undone."""
    await conn.execute(f"SET plan_cache_mode = force_{how}_plan")
    begun = conn.transaction()
    await begun.start()
    said = await conn.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {call}")
    await begun.rollback()
    plan: dict[str, Any] = json.loads(said)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def _literal(value: Any) -> str:
    match value:
        case list():
            return f"ARRAY[{', '.join(map(_literal, value))}]"
        case timedelta():
            return f"'{value.total_seconds()} s'::interval"
        case datetime():
            return f"'{value.isoformat()}'::timestamptz"
        case str():
            return f"'{value}'"
        case None:
            return "NULL"
        case _:
            return str(value).lower()
