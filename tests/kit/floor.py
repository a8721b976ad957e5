"""The sales floor, set up by hand: leads in pools and queues, reps, and claims as they stand at some moment."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from kit.submissions import submission
from router.lifecycle import Act
from router.outcomes import Enqueue, Pool
from router.policy.compiled import Policy
from schemas.events.stamp import Actor
from schemas.words import (
    KIND_OF_DESK,
    ItemId,
    ItemKind,
    LeadId,
    Presence,
    Priority,
    Qualify,
    QueueName,
    RepId,
    Role,
    desk_of,
)
from services import policies
from services.runtime.edge import Edge
from services.runtime.ids import mint
from services.runtime.tables import records
from services.store import details, items, opportunities, persons, reps
from services.store import tables as t
from services.store.items import Item
from services.store.story import telling
from services.worker.loops import Duty

POLICY = """
version: 1
currency: GBP
timezone: Europe/London
calendars:
  always: {{zone: UTC, hours: always}}
  london: {{zone: Europe/London, hours: {{mon-fri: "09:00-17:00"}}, holidays: GB-ENG}}
rules:
  - {{name: prospect, when: {{direction: outbound}}, then: {{qualify: by-rep, queue: outbound/main}}}}
  - {{name: enquiry, when: {{direction: inbound}}, then: {{qualify: by-rep, queue: inbound/main, sla: 5m}}}}
handover:
  - {{name: uk, when: {{company.country: GB}}, then: {{queue: closing/uk}}}}
fallback: {{inbound: inbound/main, outbound: outbound/main, handover: closing/uk}}
desks:
  inbound: {{queues: {{main: {{calendar: always, lease: 15m{inbound}}}}}}}
  outbound: {{queues: {{main: {{calendar: always, lease: 1h}}}}}}
  closing: {{queues: {{uk: {{calendar: london, lease: 3 working days, grace: 2 working days{uk}}}{more}}}}}
  customer: {{queues: {{main: {{calendar: london, lease: 5 working days}}}}}}
"""
"""`uk`, `inbound`: more of these queues; `more`: further closing queues."""


def policy(uk: str = 'release: {at: "08:30", buffer: {fixed: 3}}', inbound: str = "", more: str = "") -> str:
    """A policy's text."""
    parts = {"uk": uk, "inbound": inbound}
    return POLICY.format(**{name: f", {part}" if part else "" for name, part in parts.items()}, more=more)


UK, MAIN = QueueName("closing/uk"), QueueName("inbound/main")


@dataclass(slots=True)
class Floor:
    """What stands in the store, and the means to put it there."""

    edge: Edge
    made: int = 0

    async def publish(self, text: str | None = None) -> Policy:
        async with self.edge.database.tx() as tx:
            await policies.publish(tx, policies.sound(text or policy()))
            return await policies.active(tx)

    async def leads(
        self,
        n: int = 1,
        queue: QueueName = UK,
        *,
        pooled: bool = True,
        priority: Priority = Priority.NORMAL,
        due: timedelta | None = None,
        aged: timedelta = timedelta(),
        **said: Any,
    ) -> list[ItemId]:
        """Make leads, each of a person of its own, decided for a queue; the older (`aged`) rank before the younger."""
        placed = Pool if pooled else Enqueue
        async with self.edge.database.tx() as tx, telling(tx) as stories:
            policy = await policies.active(tx)
            for _ in range(n):
                self.made += 1
                who = {"email": f"person{self.made}@example.com", "company": None, **said}
                said_now = submission(self.edge.keyring, tx.now - aged, f"key{self.made}", **who)
                person = mint("per", tx.now)
                identities = persons.identities_of(said_now, self.edge.keyring)
                await persons.lock(tx, identities)
                await persons.link(tx, [person], {person: identities})
                await details.keep(tx, [said_now])
                sent = {"id": said_now.submission_id, "lead_id": said_now.id, "received_at": tx.now}
                await tx.execute(insert(t.submissions).values(**sent, applied=True, body=said_now.data()))
                story = stories.begin(
                    id=said_now.id,
                    direction=str(said_now.direction),
                    source=said_now.source,
                    test=said_now.test,
                    list=said_now.list,
                    received_at=said_now.received_at,
                    occurred_at=None,
                    person_id=person,
                    account_id=None,
                )
                at = tx.now - aged + timedelta(milliseconds=self.made)
                kind = KIND_OF_DESK[desk_of(queue)]
                due_at = None if due is None else tx.now + due
                place = placed(queue, kind, Qualify.AUTO, priority, None, at, due_at)
                if kind is ItemKind.OPPORTUNITY:
                    await opportunities.create(tx, story, place, policy=policy, queued_at=at, qualified_by="auto")
                else:
                    story.move(Act.POOL if pooled else Act.ENQUEUE)
                    items.put(
                        story,
                        kind=kind,
                        queue=queue,
                        pooled=pooled,
                        priority=priority,
                        rank_at=at,
                        queued_at=at,
                        due_at=due_at,
                    )
            born = [row["id"] for story in stories._open.values() for row in story.items]
        return [ItemId(id_) for id_ in born]

    async def rep(self, *queues: QueueName, away_until: datetime | None = None, away: bool = False) -> RepId:
        """A rep of these queues."""
        async with self.edge.database.tx() as tx:
            made = await reps.create(tx, name="Ann", queues=queues, zone="Europe/London")
            if away or away_until:
                await reps.change(tx, made, status=Presence.AWAY.value, away_until=away_until)
        return made.id

    async def claim(self, item: ItemId, rep: RepId, lease: timedelta = timedelta(minutes=15), **columns: Any) -> str:
        """Give an item to a rep, past all limits."""
        async with self.edge.database.tx() as tx, telling(tx) as stories:
            found = await items.find(tx, item)
            assert found is not None
            story = await stories.lock(found.lead_id)
            token, claim = found.token + 1, mint("clm", tx.now)
            row = {"id": claim, "item_id": item, "lead_id": found.lead_id, "rep_id": rep, "queue": found.queue}
            row |= {"token": token, "state": "active", "why": "next", "test": found.test, "granted_at": tx.now}
            await tx.execute(insert(t.claims).values({**row, "expires_at": tx.now + lease, **columns}))
            said = {"claim_id": claim, "rep_id": rep, "token": token, "why": "next", "exception": None}
            actor = Actor(kind=Role.REP, id=rep)
            await items.apply(tx, story, found, Act.CLAIM, actor, detail=said, token=token)
        return claim

    async def hold_many(self, n: int, queue: QueueName, rep: RepId, lease: timedelta) -> None:
        """Make many leads, each held by a rep, by a few statements."""
        async with self.edge.database.tx() as tx:
            now = tx.now
            ids = [f"{self.made + nth:026d}" for nth in range(1, n + 1)]
            self.made += n
            lead = {"state": "claimed", "direction": "inbound", "source": "web", "seq": 1}
            lead |= {"received_at": now, "last_at": now}
            item = {"kind": KIND_OF_DESK[desk_of(queue)].value, "queue": queue, "state": "claimed", "token": 1}
            item |= {"priority": "normal", "queued_at": now, "rank_at": now}
            claim = {"rep_id": rep, "queue": queue, "token": 1, "state": "active", "why": "next"}
            claim |= {"granted_at": now, "expires_at": now + lease}
            await tx.execute(insert(t.leads), [{"id": f"ld_{id_}", **lead} for id_ in ids])
            await tx.execute(insert(t.items), [{"id": f"itm_{id_}", "lead_id": f"ld_{id_}", **item} for id_ in ids])
            await tx.execute(
                insert(t.claims),
                [{"id": f"clm_{id_}", "item_id": f"itm_{id_}", "lead_id": f"ld_{id_}", **claim} for id_ in ids],
            )

    async def change(self, table: Any, id_: str, **columns: Any) -> None:
        """Set columns by hand."""
        async with self.edge.database.tx() as tx:
            await tx.execute(update(table).where(table.c.id == id_).values(columns))

    async def row(self, table: Any, id_: str) -> dict[str, Any]:
        key = table.c.name if table is t.queues else table.c.id
        async with self.edge.database.read() as tx:
            found = await tx.one(select(table).where(key == id_))
        assert found is not None
        return dict(found)

    async def item(self, id_: ItemId) -> Item:
        async with self.edge.database.read() as tx:
            found = await items.find(tx, id_)
        assert found is not None
        return found

    async def states(self, ids: Iterable[ItemId]) -> list[str]:
        return [(await self.item(id_)).state.value for id_ in ids]

    async def lead_of(self, item: ItemId) -> dict[str, Any]:
        return await self.row(t.leads, (await self.item(item)).lead_id)

    async def told(self, *names: str, lead: LeadId | None = None) -> list[dict[str, Any]]:
        """The lifecycle events of these names, in the order of their leads' ids, then their own."""
        event = t.timeline.c
        query = select(t.timeline).where(event.name.in_(names)).order_by(event.lead_id, event.seq)
        if lead is not None:
            query = query.where(event.lead_id == lead)
        async with self.edge.database.read() as tx:
            return [{"name": row["name"], **row["data"]} for row in await tx.fetch(query)]

    async def signals(self, name: str) -> list[dict[str, Any]]:
        """The signals of this name, as they stand in the log, oldest first."""
        record = records.c
        query = select(records).where(record.topic == "queues.signals.v1").order_by(record.appended_at, record.offset)
        async with self.edge.database.read() as tx:
            rows = await tx.fetch(query)
        return [json.loads(row["value"]) for row in rows if ["ce_type", f"leadgate.{name}.v1"] in row["headers"]]


async def settle(duty: Duty) -> None:
    """Let a duty do all that there is to do now."""
    while await duty.turn():
        pass
