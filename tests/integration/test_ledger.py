"""The ledger: what was accepted, counted from the log, is all there, or the residual says how many are not."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.clock import ManualClock
from kit.routing import Routing
from kit.submissions import as_message, submission, submit
from sqlalchemy import delete, insert, select, update

from router.books import Hour
from schemas.topics import INBOUND
from schemas.words import SourceName
from services.cli.ledger import Hour as HourOf
from services.runtime.edge import Edge
from services.runtime.log import table
from services.runtime.log.table import LogTable
from services.store import ledger
from services.store import tables as t
from services.worker.ledger import balance


@pytest.fixture
async def routing(edge: Edge) -> Routing:
    routing = Routing(edge)
    await routing.publish()
    return routing


async def states(routing: Routing) -> Counter[str]:
    """What the books say: accepted, residual, and each state."""
    said: Counter[str] = Counter()
    for row in await balance(routing.edge, None, None):
        said += Counter(accepted=row.accepted, dead=row.dead_lettered, lost=max(0, row.residual))
        said += Counter({state.value: count for state, count in row.states.items()})
        said["nobody's"] += max(0, -row.residual)
    return +said


def lead(routing: Routing, key: str, **said: Any) -> Any:
    return submission(routing.edge.keyring, routing.edge.clock.now(), key, **{"intent": "demo", "email": None, **said})


@pytest.mark.parametrize(
    ("said", "first", "end"),
    [
        ("2026-07-06T09:00Z", 9, 9),
        ("2026-07-06T09:29:58.123Z", 9, 10),
        ("2026-07-06T10:30:00+01:00", 9, 10),
        ("2026-07-06T15:00:00+05:30", 9, 10),
    ],
)
def test_a_period_of_the_books_has_the_hours_of_its_first_and_last_moment(said: str, first: int, end: int) -> None:
    for last, hour in ((False, first), (True, end)):
        assert HourOf(last=last).convert(said, None, None) == datetime(2026, 7, 6, hour, tzinfo=UTC)


async def test_accepted_equals_the_sum_over_all_states(routing: Routing) -> None:
    await routing.route(
        lead(routing, "1", email="a@example.com"),
        lead(routing, "1", email="b@example.com"),  # the same lead, with another body
        lead(routing, "2", email="a@example.com"),  # the same person
        lead(routing, "3", email="c@example.com", intent="ad"),
        lead(routing, "4", email="d@example.com", intent="trial"),
        lead(routing, "5", email="e@example.com", test=True),
        key="together",
    )
    await submit(routing.edge, [lead(routing, "6", email="f@example.com")])
    assert await states(routing) == {
        "accepted": 5,
        "queued": 1,
        "pooled": 1,
        "merged": 1,
        "rejected": 1,
        "received": 1,
    }


async def test_what_the_router_laid_aside_is_in_the_books(routing: Routing) -> None:
    bad = as_message(lead(routing, "1", email="a@example.com"))
    body = json.loads(bad.value or b"")
    del body["contact"]
    await routing.edge.log.append([type(bad)(bad.topic, bad.key, json.dumps(body).encode(), bad.headers)])
    async with routing.running():
        await routing.settle()
    assert await states(routing) == {"accepted": 1, "dead": 1}


async def test_a_lead_that_is_lost_is_a_residual(routing: Routing) -> None:
    sent = [lead(routing, str(n), email=f"{n}@example.com") for n in range(3)]
    await routing.route(*sent)
    async with routing.edge.database.tx() as tx:
        await tx.execute(delete(t.items).where(t.items.c.lead_id == sent[0].id))
        await tx.execute(delete(t.leads).where(t.leads.c.id == sent[0].id))
    assert await states(routing) == {"accepted": 3, "queued": 2, "lost": 1}


async def test_a_lead_that_nobody_sent_is_a_residual_too(routing: Routing, clock: ManualClock) -> None:
    sent = lead(routing, "1", email="a@example.com")
    await routing.route(sent)
    async with routing.edge.database.tx() as tx:
        row = dict((await tx.fetch(select(t.leads)))[0]) | {"id": routing.edge.keyring.lead_id(sent.source, "no")}
        await tx.execute(insert(t.leads).values(row))
    clock.move(timedelta(minutes=1))
    assert await states(routing) == {"accepted": 1, "queued": 1}, "it may have come into the log after that was read"
    clock.move(timedelta(milliseconds=1))
    assert await states(routing) == {"accepted": 1, "queued": 2, "nobody's": 1}


async def test_hours_that_the_log_no_longer_has_are_as_last_counted(routing: Routing, clock: ManualClock) -> None:
    await routing.route(*[lead(routing, str(n), email=f"{n}@example.com") for n in range(3)], key="together")
    assert await states(routing) == {"accepted": 3, "queued": 3}
    clock.move(timedelta(days=15))
    await routing.route(lead(routing, "later", email="later@example.com"), key="together")
    async with routing.edge.database.tx() as tx:
        assert await table.trim(tx, INBOUND.name, clock.now() - timedelta(days=14), 1000) == 3
    assert await states(routing) == {"accepted": 4, "queued": 4}
    async with routing.edge.database.tx() as tx:
        await tx.execute(update(t.leads).values(test=True).where(t.leads.c.received_at < clock.now()))
    assert await states(routing) == {"accepted": 4, "queued": 1, "lost": 3}


async def test_a_lead_that_is_sent_again_after_weeks_leaves_the_count_of_its_hour_as_it_was(
    routing: Routing, clock: ManualClock
) -> None:
    first = [lead(routing, str(n), email=f"{n}@example.com") for n in range(3)]
    await routing.route(*first, key="together")
    assert await states(routing) == {"accepted": 3, "queued": 3}
    clock.move(timedelta(days=15))
    await routing.route(lead(routing, "0", email="0@example.com"), key="together")
    async with routing.edge.database.tx() as tx:
        assert await table.trim(tx, INBOUND.name, clock.now() - timedelta(days=14), 1000) == 3
    for _ in range(2):
        assert await states(routing) == {"accepted": 3, "queued": 3}


async def test_a_record_whose_time_is_before_its_leads_is_counted_in_the_leads_hour(
    routing: Routing, clock: ManualClock
) -> None:
    """The log's time is its brokers', whose clocks are not ours."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    clock.move(hour - timedelta(seconds=1) - clock.now())
    early = submission(routing.edge.keyring, hour + timedelta(seconds=1), "1", intent="demo")
    await routing.route(early)
    clock.move(timedelta(minutes=5))
    (row,) = await balance(routing.edge, hour, None)
    assert (row.hour.at, row.accepted, row.residual) == (hour, 1, 0)


async def test_months_of_many_sources_are_kept_at_once(routing: Routing, clock: ManualClock) -> None:
    hours = {Hour(SourceName("web"), clock.now() + timedelta(hours=n)): (n, 0) for n in range(9000)}
    async with routing.edge.database.tx() as tx:
        await ledger.keep(tx, hours)
        assert await ledger.as_counted(tx, None, clock.now() + timedelta(days=1000)) == hours


async def test_with_kafka_what_is_still_in_the_log_table_is_accepted_too(kafka_edge: Edge) -> None:
    routing = Routing(kafka_edge)
    await routing.publish()
    await submit(kafka_edge, [lead(routing, "1", email="a@example.com")])
    async with kafka_edge.database.tx() as tx:
        await LogTable().put(tx, [as_message(lead(routing, "2", email="b@example.com"))])
    assert await states(routing) == {"accepted": 2, "received": 2}
