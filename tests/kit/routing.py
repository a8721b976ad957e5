"""The router at work on a test's database, and what it left there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text

from kit.submissions import as_message, submit
from router.policy.compiled import Policy
from schemas.envelope import from_headers
from schemas.events.intake import LeadSubmitted
from services import policies
from services.router.handler import handler
from services.router.process import GROUP, TOPICS, build
from services.runtime import positions
from services.runtime.edge import Edge
from services.runtime.log.port import Place, Record
from services.runtime.received import Received
from services.runtime.tables import dead_letters, records
from services.store import tables as t

POLICY = """
version: 1
currency: GBP
timezone: Europe/London
calendars:
  always: {zone: UTC, hours: always}
  london: {zone: Europe/London, hours: {mon-fri: "09:00-17:30"}, holidays: GB-ENG}
rank_credit: {list: 0h, normal: 1h, high: 1d, hot: 7d}
rules:
  - {name: unwanted, when: {intent: ad}, then: {reject: spam}}
  - {name: ready, when: {intent: buy}, then: {qualify: auto, priority: hot, queue: closing/uk}}
  - {name: trial, when: {intent: trial}, then: {qualify: bypass, queue: closing/uk, segment: self-service}}
  - {name: far away, when: {not: {contact.country: [GB, IE]}}, then: {nurture: 90d}}
  - {name: prospect, when: {direction: outbound}, then: {qualify: by-rep, queue: outbound/main}}
  - {name: enquiry, when: {intent: [demo, call]}, then: {qualify: by-rep, queue: inbound/main, sla: 5m}}
fallback: {inbound: inbound/main, outbound: outbound/main, handover: closing/uk}
desks:
  inbound: {queues: {main: {calendar: always, lease: 15m, release: {at: "08:30", buffer: {fixed: 2}}}}}
  outbound: {queues: {main: {calendar: always, lease: 1h}}}
  closing: {queues: {uk: {calendar: london, lease: 3 working days, release: {at: "08:30", buffer: {fixed: 3}}}}}
"""
"""Each outcome has a rule: `intent` ad, buy, trial, demo; a contact outside GB and IE; outbound; else the fallback."""


@dataclass(slots=True)
class Routing:
    """Routes, and looks at what came of it."""

    edge: Edge

    async def publish(self, yaml: str = POLICY) -> Policy:
        async with self.edge.database.tx() as tx:
            await policies.publish(tx, policies.sound(yaml))
            return await policies.active(tx)

    async def batch(self, *batch: LeadSubmitted) -> None:
        """Do what the router does with one batch, in one transaction."""
        async with self.edge.database.tx() as tx:
            assert not await handler(self.edge.keyring, self.edge.telemetry)(tx, received(batch))

    async def route(self, *submissions: LeadSubmitted, key: str | None = None) -> None:
        """Append submissions (with a `key`, all to one partition) and let the router's consumer do them."""
        await submit(self.edge, submissions, key)
        async with self.running():
            await self.settle()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A router process at work."""
        task = asyncio.create_task(build(self.edge).tasks["consumer"]())
        yield
        assert not task.done(), task
        task.cancel()
        await asyncio.wait([task])

    async def settle(self) -> None:
        """Wait until all that was submitted is routed."""
        with self.edge.wake.waiting("log") as waiter:
            while await self.lag():
                await waiter.wait(timedelta(milliseconds=10))

    async def lag(self) -> int:
        ends = await self.edge.log.ends(TOPICS)
        async with self.edge.database.read() as tx:
            standing = await positions.standings(tx, GROUP)
        return sum(end - (standing[place].position if place in standing else 0) for place, end in ends.items())

    async def at_once(self, first: Sequence[LeadSubmitted], second: Sequence[LeadSubmitted]) -> None:
        """Do two batches at a time: the second begins before the first is committed."""
        async with self.edge.database.tx() as tx:
            await handler(self.edge.keyring, self.edge.telemetry)(tx, received(first))
            meanwhile = asyncio.create_task(self.batch(*second))
            await self.until_blocked(meanwhile)
        await meanwhile

    async def until_blocked(self, task: "asyncio.Task[None]") -> None:
        """Return once a session of this database waits for another's lock, or this task, which should, is done."""
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while not task.done():
            async with self.edge.database.read() as tx:
                if await tx.value(text(waits)):
                    return
            await asyncio.sleep(0.01)

    async def rows(self, statement: Any) -> list[dict[str, Any]]:
        async with self.edge.database.read() as tx:
            return [{**row} for row in await tx.fetch(statement)]

    async def lead(self, lead: str) -> dict[str, Any]:
        """Its row."""
        (row,) = await self.rows(select(t.leads).where(t.leads.c.id == lead))
        return row

    async def events(self, lead: str) -> list[tuple[str, dict[str, Any]]]:
        """Its timeline: names and data."""
        statement = select(t.timeline).where(t.timeline.c.lead_id == lead).order_by(t.timeline.c.seq)
        return [(row["name"], row["data"]) for row in await self.rows(statement)]

    async def names(self, lead: str) -> list[str]:
        return [name for name, _ in await self.events(lead)]

    async def items(self, lead: str) -> list[dict[str, Any]]:
        return await self.rows(select(t.items).where(t.items.c.lead_id == lead).order_by(t.items.c.id))

    async def decisions(self, lead: str) -> list[dict[str, Any]]:
        return await self.rows(
            select(t.decisions).where(t.decisions.c.lead_id == lead).order_by(t.decisions.c.at, t.decisions.c.id)
        )

    async def logged(self, topic: str = "leads.lifecycle.v1") -> list[dict[str, Any]]:
        """What stands in a topic."""
        return await self.rows(
            select(records).where(records.c.topic == topic).order_by(records.c.partition, records.c.offset)
        )

    async def dead(self) -> list[dict[str, Any]]:
        return await self.rows(select(dead_letters))


def received(batch: Sequence[LeadSubmitted]) -> list[Received[LeadSubmitted]]:
    """Submissions as the consumer hands them on."""
    found = []
    for offset, one in enumerate(batch):
        sent = as_message(one)
        record = Record(Place(sent.topic, 0), offset, one.received_at, sent.key, sent.value, sent.headers)
        found.append(Received(record, from_headers(sent.headers), one))
    return found
