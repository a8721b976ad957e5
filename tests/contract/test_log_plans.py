"""The log's statements go by their indexes, whatever the tables hold: no scan of records, no sort."""

import json
from typing import Any

import pytest

from schemas.topics import INBOUND
from services.runtime.edge import Edge
from services.runtime.hot import driver
from services.runtime.log.postgres import POLL_SQL
from services.runtime.log.table import FIRST_KEPT_SQL
from services.runtime.tx import ReadTx

FILL = """
INSERT INTO log.records (topic, partition, "offset", appended_at, key, value, headers)
SELECT $1, partition, n, $2, 'key', '{}', '[]' FROM generate_series(0, 11) AS partition, generate_series(0, 4999) AS n
"""


@pytest.fixture(autouse=True)
async def filled(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        await driver(tx).execute(FILL, INBOUND.name, tx.now)
        await driver(tx).execute("UPDATE log.partitions SET next_offset = 5000 WHERE topic = $1", INBOUND.name)
        await driver(tx).execute("ANALYZE log.records, log.partitions")


async def plan(tx: ReadTx, statement: str, *values: object) -> list[dict[str, Any]]:
    """The nodes of a statement's plan, the outer first."""
    await driver(tx).execute("SET LOCAL plan_cache_mode = force_generic_plan")
    (found,) = await driver(tx).fetch(f"EXPLAIN (FORMAT JSON) {statement}", *values)

    def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
        return [node, *(each for below in node.get("Plans", ()) for each in nodes(below))]

    return nodes(json.loads(found[0])[0]["Plan"] if isinstance(found[0], str) else found[0][0]["Plan"])


def reads(nodes: list[dict[str, Any]], table: str) -> set[tuple[str, str | None]]:
    return {(node["Node Type"], node.get("Index Name")) for node in nodes if node.get("Relation Name") == table}


async def test_a_poll_reads_each_partition_from_its_position_on_and_stops_at_the_limit(edge: Edge) -> None:
    async with edge.database.read() as tx:
        nodes = await plan(tx, POLL_SQL, [INBOUND.name] * 12, list(range(12)), [4000] * 12, 500)
    assert reads(nodes, "records") == {("Index Scan", "records_pkey")}
    assert not [node for node in nodes if node["Node Type"] in ("Sort", "Hash")]
    assert nodes[0]["Node Type"] == "Limit"


async def test_retention_finds_the_first_record_to_keep_by_its_key(edge: Edge) -> None:
    async with edge.database.tx() as tx:
        nodes = await plan(tx, FIRST_KEPT_SQL, INBOUND.name, tx.now)
    assert reads(nodes, "records") == {("Index Scan", "records_pkey")}
