"""The router as a consumer: once each, whatever is repeated, broken, stopped or done twice at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from kit.clock import ManualClock
from kit.routing import Routing
from kit.submissions import as_message, submission, submit
from sqlalchemy import func, select

from schemas.events.intake import LeadSubmitted
from services.router.handler import decode, handler
from services.router.process import GROUP, TOPICS
from services.runtime.consumer import Consumer
from services.runtime.edge import Edge
from services.runtime.log.port import Message
from services.store import tables as t

ANN, BOB, CAT = "ann@example.com", "bob@example.com", "cat@example.com"


@pytest.fixture
async def routing(edge: Edge) -> Routing:
    routing = Routing(edge)
    await routing.publish()
    return routing


def lead(routing: Routing, key: str | None, **said: Any) -> LeadSubmitted:
    return submission(routing.edge.keyring, routing.edge.clock.now(), key, **{"intent": "demo", **said})


async def counts(routing: Routing) -> dict[str, int]:
    tables = (t.leads, t.items, t.submissions, t.decisions, t.timeline, t.persons, t.lead_details)
    found = {
        table.name: (await routing.rows(select(func.count().label("n")).select_from(table)))[0]["n"] for table in tables
    }
    return {**found, "log": len(await routing.logged())}


async def test_a_repeated_submission_changes_nothing(routing: Routing) -> None:
    sent = lead(routing, "1", email=ANN)
    await routing.route(sent)
    before = await counts(routing), await routing.lead(sent.id)
    await routing.route(sent, sent)
    assert (await counts(routing), await routing.lead(sent.id)) == before


async def test_leads_of_one_batch_wait_in_the_order_in_which_they_came(routing: Routing, clock: ManualClock) -> None:
    sent = []
    for n in range(12):
        sent.append(lead(routing, str(n), email=f"{n}@example.com"))
        clock.move(timedelta(milliseconds=1))
    await routing.route(*reversed(sent))
    waiting = await routing.rows(select(t.items).order_by(t.items.c.rank_at, t.items.c.id))
    assert len({item["rank_at"] for item in waiting}) == 1
    assert [item["lead_id"] for item in waiting] == [one.id for one in sent]


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in three"])
async def test_another_body_under_the_same_key_is_kept_and_makes_a_conflict(routing: Routing, together: bool) -> None:
    first, other = lead(routing, "1", email=ANN, message="one"), lead(routing, "1", email=BOB, message="two")
    assert first.id == other.id
    for batch in [(first, other, other)] if together else [(first,), (other,), (other,)]:
        await routing.route(*batch, key="one partition")
    row = await routing.lead(first.id)
    assert (row["conflict"], row["state"]) == (True, "queued")
    kept = {row["id"]: row["applied"] for row in await routing.rows(select(t.submissions))}
    assert kept == {first.submission_id: True, other.submission_id: False}
    assert (await routing.names(first.id)).count("lead.conflicting_submission") == 1
    (details,) = await routing.rows(select(t.lead_details))
    assert (details["message"], details["contact"]["email"]) == ("one", ANN)
    assert len(await routing.rows(select(t.persons))) == 1


async def test_one_key_in_two_partitions_at_once_is_one_lead(routing: Routing) -> None:
    """The bodies name different persons, so no identity is locked by both: the lead's id decides."""
    first, other = lead(routing, "1", email=ANN), lead(routing, "1", email=BOB)
    with pytest.raises(asyncpg.SerializationError):
        await routing.at_once([first], [other])
    await routing.batch(other)
    row = await routing.lead(first.id)
    assert (row["conflict"], len(await routing.items(first.id))) == (True, 1)


async def test_two_consumers_on_the_same_log_do_each_record_once(routing: Routing) -> None:
    sent = [lead(routing, f"{n}", email=f"p{n}@example.com") for n in range(120)]
    async with routing.running(), routing.running():
        for start in range(0, 120, 20):
            await submit(routing.edge, sent[start : start + 20])
        await routing.settle()
    found = await counts(routing)
    assert (found["leads"], found["items"], found["timeline"], found["log"]) == (120, 120, 360, 360)
    assert await routing.dead() == []


async def test_a_router_whose_session_ended_in_mid_batch_does_no_harm_when_it_goes_on(routing: Routing) -> None:
    sent = [lead(routing, f"{n}", email=f"p{n}@example.com") for n in range(10)]
    await submit(routing.edge, sent, "one partition")
    async with stopped_in_mid_batch(routing) as go_on:
        await end_sessions_in_transaction(routing)
        async with routing.running():
            await routing.settle()
        before = await counts(routing)
        go_on.set()
        late = lead(routing, "late", email=ANN)
        await routing.edge.log.append([as_message(late, "one partition")])
        await routing.settle()
    found = await counts(routing)
    assert before["leads"] == 10
    assert {name: found[name] - before[name] for name in ("leads", "items", "timeline")} == {
        **{"leads": 1, "items": 1},
        "timeline": 3,
    }
    assert await routing.dead() == []


async def test_a_bad_record_among_good_ones_becomes_a_dead_letter(routing: Routing) -> None:
    good = [lead(routing, f"{n}", email=f"p{n}@example.com") for n in range(8)]
    no_json = replace(as_message(good[0], "p"), value=b"{")
    newer = replace(as_message(good[0], "p"), headers=(("ce_id", b"1"), ("ce_type", b"leadgate.lead.submitted.v2")))
    unstorable = as_message(lead(routing, "nul", email=CAT, message="a\0b"), "p")
    messages: list[Message] = [as_message(each, "p") for each in good]
    messages[2:2], messages[5:5], messages[8:8] = [no_json], [newer], [unstorable]
    await routing.edge.log.append(messages)
    async with routing.running():
        await routing.settle()
    assert [(await routing.lead(each.id))["state"] for each in good] == ["queued"] * 8
    dead = await routing.dead()
    assert sorted(row["offset"] for row in dead) == [2, 5, 8]
    assert {row["consumer"] for row in dead} == {GROUP}
    assert (await counts(routing))["leads"] == 8


@asynccontextmanager
async def stopped_in_mid_batch(routing: Routing) -> AsyncIterator[asyncio.Event]:
    """A router that stands still with its work done and not committed, until told to go on."""
    handle = handler(routing.edge.keyring, routing.edge.telemetry)
    there, go_on = asyncio.Event(), asyncio.Event()

    async def slow(tx: Any, batch: Any) -> Any:
        refused = await handle(tx, batch)
        there.set()
        await go_on.wait()
        return refused

    task = asyncio.create_task(Consumer(routing.edge, GROUP, TOPICS, decode, slow).run())
    await there.wait()
    yield go_on
    assert not task.done(), task
    task.cancel()
    await asyncio.wait([task])


async def end_sessions_in_transaction(routing: Routing) -> None:
    """What PostgreSQL does to who is idle in a transaction for too long."""
    conn = await asyncpg.connect(routing.edge.settings.database_url)
    await conn.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state = 'idle in transaction'"
    )
    await conn.close()


async def test_what_decided_is_counted_and_the_fallback_by_its_name(routing: Routing) -> None:
    await routing.route(lead(routing, "1", email=ANN), lead(routing, "2", email=BOB, intent="other"))
    await routing.route(lead(routing, "3", email=ANN))
    scraped = routing.edge.telemetry.exposition().decode()
    assert 'leadgate_router_decisions_total{action="queue",by="rule"} 1.0' in scraped
    assert 'leadgate_router_decisions_total{action="merge",by="same person"} 1.0' in scraped
    assert 'by="fallback"} 1.0' in scraped
