"""Plans under guard: what the worker looks at every second it reads along the index that was made for it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from kit.explaining import Explaining
from kit.floor import UK, Floor
from sqlalchemy import text

from services import policies
from services.runtime.edge import Edge
from services.runtime.tx import ReadTx
from services.store import measures, parking, pool, queues, rehoming, returning, sweeps
from services.store.story import Stories


@pytest.fixture
async def explaining(edge: Edge) -> AsyncIterator[Explaining]:
    await Floor(edge).publish()
    async with edge.database.tx() as tx:
        await tx.execute(text("SET LOCAL enable_seqscan = off"))
        await tx.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        yield Explaining(tx)


LOOKS = {
    "claims_ending": sweeps.ended_claims,
    "claims_next": sweeps.late_claims,
    "items_snoozed": sweeps.snoozed_items,
    "items_unanswered": sweeps.unanswered_items,
    "leads_nurturing": returning.rested_leads,
    "opportunities_reopening": returning.returning_opportunities,
}


@pytest.mark.parametrize("index", LOOKS)
async def test_a_look_reads_what_is_due_along_its_index(explaining: Explaining, index: str) -> None:
    look: Any = LOOKS[index]
    await look(explaining, 100, frozenset())
    (plan,) = explaining.plans
    assert f"using {index}" in plan
    assert "Index Cond" in plan


async def test_what_every_rep_has_returned_is_sought_among_the_queued_alone(explaining: Explaining) -> None:
    await parking.refused_items(explaining, 100, frozenset())
    (plan,) = explaining.plans
    assert "on items" in plan
    assert "Seq Scan" not in plan
    assert "Filter: (state" not in plan


async def test_what_is_reserved_is_sought_among_reservations_alone(explaining: Explaining) -> None:
    await rehoming.idle_reservations(explaining, 100, frozenset())
    (plan,) = explaining.plans
    assert "items_reserved" in plan
    assert "reserved_for IS NOT NULL" in plan.split("Index Cond: ", 1)[1].splitlines()[0]


async def test_a_release_reads_the_head_of_a_pool_in_order_without_a_sort(explaining: Explaining) -> None:
    tx: Any = explaining
    await pool._take(tx, Stories(tx), pool._pool(UK, test=False), 3)
    (plan,) = explaining.plans
    assert "Index Scan using items_pooled" in plan
    assert "Sort" not in plan


async def test_measures_count_along_partial_indexes(explaining: Explaining) -> None:
    await queues.tally(explaining, *measures._counts(explaining.now))
    (plan,) = explaining.plans
    assert "Seq Scan" not in plan
    for index in ("items_queued", "items_pooled", "items_snoozed", "items_parked", "items_breached"):
        assert index in plan


async def test_what_wants_a_release_is_counted_along_partial_indexes(explaining: Explaining) -> None:
    policy = await policies.active(ReadTx(explaining._conn, explaining._driver, explaining.now, explaining.memory))
    await pool.wanting(explaining, policy)
    assert not any("Seq Scan on items" in plan for plan in explaining.plans)
