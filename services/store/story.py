"""A lead's story: the lead locked, its events numbered by its own counter, its time never running backwards.

Every change of a lead, its items, opportunity or customer goes through the story of its root lead (law 2):

    async with telling(tx) as stories:
        story = await stories.lock(lead_id)
        story.tell(LeadNurtured(until=…), actor)

What is told is written when the block ends: the leads, their new items, their timeline, and the events to the log.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncpg import SerializationError
from sqlalchemy import RowMapping, select, update

from router.lifecycle import LEAD, Act
from router.milestones import mark
from schemas.events.lifecycle import ItemQueued, LeadDecided, LeadMerged, LeadRejected
from schemas.events.stamp import SYSTEM, Actor, LifecycleEvent, Stamp, Told
from schemas.words import ItemState, LeadId, LeadState, Role
from services.runtime import trace
from services.runtime.trace import Trace
from services.runtime.tx import Tx
from services.store import rows
from services.store import tables as t


class WrongState(Exception):
    """The present state refuses the act. `thing` and `state` tell which."""

    def __init__(self, thing: str, state: str, act: str) -> None:
        super().__init__(f"{thing} is {state}: {act} is refused")
        self.thing, self.state, self.act = thing, state, act


@dataclass(slots=True)
class Story:
    """A locked root lead: its row as it will be written, and what is told of it now."""

    row: dict[str, Any]
    now: datetime
    fresh: bool = False
    follows: Trace = field(default_factory=trace.current)
    """The request or record that opened it: its events carry that on."""
    told: list[Told] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> LeadId:
        return LeadId(self.row["id"])

    @property
    def state(self) -> LeadState:
        return LeadState(self.row["state"])

    @property
    def test(self) -> bool:
        return bool(self.row["test"])

    def tell(self, event: LifecycleEvent, actor: Actor = SYSTEM, *, note: str | None = None) -> Told:
        """Add an event, numbered next, at the transaction's time or that of the last event, whichever is later."""
        at = max(self.now, self.row["last_at"])
        stamp = Stamp(lead_id=self.id, seq=self.row["seq"] + 1, at=at, test=self.test, actor=actor)
        told = Told(stamp, event)
        self.told.append(told)
        if note:
            self.notes.append({"lead_id": self.id, "seq": stamp.seq, "note": note})
        self.row.update(seq=stamp.seq, last_at=at, milestones=mark(self.row["milestones"], told))
        return told

    def move(self, act: Act, actor: Actor = SYSTEM, **columns: Any) -> None:
        """Take the lead along the arrow of `act` and set columns. Raises: WrongState."""
        move = LEAD.move(self.state, act)
        if move is None or Role(actor.kind) not in move.by:
            raise WrongState("lead", self.state, act)
        self.row.update(state=move.target.value, **columns)

    def set(self, **columns: Any) -> None:
        self.row.update(columns)


class Stories:
    """The stories of one transaction."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self._open: dict[LeadId, Story] = {}

    async def lock(self, lead: LeadId) -> Story:
        """Lock one root lead. Raises: KeyError where there is none."""
        return (await self.lock_all([lead]))[lead]

    async def lock_all(self, leads: Iterable[LeadId]) -> dict[LeadId, Story]:
        """Lock leads in the order of their ids, so that two who lock the same never wait in a ring."""
        wanted = sorted(set(leads))
        missing = [lead for lead in wanted if lead not in self._open]
        if missing:
            rows = await self.tx.fetch(
                select(t.leads).where(t.leads.c.id.in_(missing)).order_by(t.leads.c.id).with_for_update()
            )
            for row in rows:
                self.take(row)
        return {lead: self._open[lead] for lead in wanted}

    def take(self, row: RowMapping | dict[str, Any]) -> Story:
        """Go on with a lead whose row this transaction has locked already."""
        story = self._open.get(LeadId(row["id"]))
        if story is None:
            story = self._open[LeadId(row["id"])] = Story(dict(row), self.tx.now)
        return story

    def begin(self, **columns: Any) -> Story:
        """Start the story of a new lead, `received`."""
        row: dict[str, Any] = {column.name: None for column in t.leads.columns}
        row.update(
            state=LeadState.RECEIVED.value, test=False, list=False, conflict=False, priority="normal", milestones={}
        )
        row.update(seq=0, data_tries=0, last_at=columns["received_at"], **columns)
        story = Story(row, self.tx.now, fresh=True)
        self._open[story.id] = story
        return story

    async def bear(self, story: Story) -> None:
        """Write what is new of a story's items now, so that it can be acted on at once."""
        await rows.put(self.tx, t.items, story.items)
        story.items.clear()

    async def adopt(self, merged: LeadId, into: LeadId) -> None:
        """What was merged into a lead that is merged now itself is of the one into which that goes."""
        await self.tx.execute(update(t.leads).where(t.leads.c.merged_into == merged).values(merged_into=into))
        for story in self._open.values():
            if story.row["merged_into"] == merged:
                story.set(merged_into=into)

    async def write(self) -> None:
        """Write all that was told. Called once, at the end of the block."""
        stories = sorted(self._open.values(), key=lambda story: story.id)
        fresh = [story.row for story in stories if story.fresh]
        if await rows.add(self.tx, t.leads, fresh) < len(fresh):
            raise SerializationError("another transaction made one of these leads meanwhile: try again")
        changed = [{name: story.row[name] for name in _MUTABLE} for story in stories if not story.fresh]
        told = [_timeline_row(one) for story in stories for one in story.told]
        if changed and len(told) <= rows.FEW:
            await rows.change(self.tx, t.leads, changed, t.timeline, told)
        else:
            if changed:
                await rows.change(self.tx, t.leads, changed, t.timeline, [])
            await rows.put(self.tx, t.timeline, told)
        await rows.put(self.tx, t.items, [item for story in stories for item in story.items])
        await rows.put(self.tx, t.notes, [note for story in stories for note in story.notes])
        for story in stories:
            with trace.following(story.follows):
                self.tx.emit(*story.told)
            self._wake(story)

    def _wake(self, story: Story) -> None:
        for item in story.items:
            if item["state"] == ItemState.POOLED:
                self.tx.wake(f"queue:{item['queue']}")  # a pull that finds the queue empty reaches into its pool
            else:
                self.tx.wake(f"floor:{item['queue']}")
        for told in story.told:
            match told.event:
                case ItemQueued(queue=queue, reserved_for=None):
                    self.tx.wake(f"queue:{queue}")
                case ItemQueued(reserved_for=str() as rep):
                    self.tx.wake(f"rep:{rep}")
                case LeadDecided() | LeadMerged() | LeadRejected():
                    self.tx.wake(f"lead:{story.id}")


@asynccontextmanager
async def telling(tx: Tx) -> AsyncIterator[Stories]:
    """Tell stories in this transaction; they are written when the block ends."""
    stories = Stories(tx)
    yield stories
    await stories.write()


_MUTABLE = tuple(
    column.name
    for column in t.leads.columns
    if column.name not in {"direction", "source", "test", "list", "received_at", "occurred_at"}
)


def _timeline_row(told: Told) -> dict[str, Any]:
    return {
        "lead_id": told.stamp.lead_id,
        "seq": told.stamp.seq,
        "name": told.name,
        "at": told.stamp.at,
        "data": told.json,
    }
