"""What the consumer does with a batch: lifecycle events become facts and timings, measures stand for their queue."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from schemas.envelope import Envelope
from schemas.events.every import signal, told
from schemas.events.lifecycle import LeadUnmerged
from schemas.events.signals import QueueMeasured, Signal
from schemas.events.stamp import Told
from schemas.words import LeadId
from services.metrics import store
from services.metrics.deeds import Deed, deeds_of
from services.metrics.fact import Fact
from services.metrics.facts import facts_of
from services.metrics.known import Known
from services.metrics.periods import quarter
from services.metrics.store import DeedKey, FactKey, TimingKey
from services.metrics.timings import Timing, restarted, timings_of
from services.runtime.deadletters import Refused
from services.runtime.received import Received
from services.runtime.telemetry import Telemetry
from services.runtime.tx import Tx

_log = structlog.get_logger("leadgate.metrics")
WAKE = "facts"
"""The channel that tells of new facts."""


def decode(envelope: Envelope, value: bytes) -> Told | Signal:
    """Read a record of either topic. What names no lead is a signal."""
    data = json.loads(value)
    return told(envelope.type, data) if "lead_id" in data else signal(envelope.type, data)


@dataclass(slots=True)
class Batch:
    """Leads before and after a batch, and the facts that it made and took back."""

    before: dict[LeadId, Known]
    after: dict[LeadId, Known]
    facts: dict[FactKey, Fact] = field(default_factory=dict)
    voids: dict[FactKey, datetime] = field(default_factory=dict)
    deeds: dict[DeedKey, Deed] = field(default_factory=dict)
    undone: dict[DeedKey, datetime] = field(default_factory=dict)

    def fold(self, event: Told) -> None:
        lead, at = event.stamp.lead_id, event.stamp.at
        folded = facts_of(event, self.after[lead])
        deeds = deeds_of(event, self.after[lead], folded.known)
        self.after[lead] = folded.known
        for seq, kind in folded.void:
            self.voids[lead, seq, kind] = at
        for fact in folded.add:
            self.facts[lead, fact.seq, fact.kind] = fact
            self.voids.pop((lead, fact.seq, fact.kind), None)
        for deed in deeds.add:
            self.deeds[lead, deed.seq, deed.kind] = deed
        for of, what in deeds.void:
            self.undone[lead, of, what] = at

    def changed(self) -> list[Known]:
        return [known for lead, known in self.after.items() if known.seq > self.before[lead].seq]


class Handler:
    """The consumer's handler."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def __call__(self, tx: Tx, received: Sequence[Received[Told | Signal]]) -> Sequence[Refused]:
        """Count each event once: what is not after the last one of its lead has been counted."""
        events = [each.event for each in received if isinstance(each.event, Told)]
        if events:
            await self._count(tx, events)
        measured = [each.event for each in received if isinstance(each.event, QueueMeasured)]
        if measured:
            await store.keep_queues(tx, measured)
        if events or measured:
            tx.wake(WAKE)
        return ()

    async def _count(self, tx: Tx, events: Sequence[Told]) -> None:
        named = {event.stamp.lead_id for event in events} | {into for event in events if (into := _merged_into(event))}
        parted = [event.stamp.lead_id for event in events if isinstance(event.event, LeadUnmerged)]
        if parted:
            named |= await store.merged_into(tx, parted)
        known = await store.lock(tx, named)
        batch = Batch(known, dict(known))
        for event in events:
            last = batch.after[event.stamp.lead_id].seq
            if event.stamp.seq > last:
                self._mind_gap(event, last)
                batch.fold(event)
        changed = batch.changed()
        await store.keep_leads(tx, changed)
        made = [(fact, batch.voids.get(key)) for key, fact in batch.facts.items()]
        earlier = {key: at for key, at in batch.voids.items() if key not in batch.facts}
        await store.mark_stale(tx, store.FUNNEL, await store.keep_facts(tx, made, earlier))
        done = [(deed, batch.undone.get(key)) for key, deed in batch.deeds.items()]
        await store.keep_deeds(tx, done, {key: at for key, at in batch.undone.items() if key not in batch.deeds})
        await self._keep_timings(tx, batch, changed)

    async def _keep_timings(self, tx: Tx, batch: Batch, changed: Sequence[Known]) -> None:
        """Write the clocks that run otherwise now: those of the leads, and those of what was merged into them."""
        old: dict[TimingKey, Timing] = {}
        new: dict[TimingKey, Timing] = {}
        for known in changed:
            old |= _keyed(timings_of(batch.before[known.lead]))
            new |= _keyed(timings_of(known))
        roots = {known.lead for known in changed} | {known.merged_into for known in changed if known.merged_into}
        were = [(batch.before[known.lead], known.merged_into) for known in changed]
        parted = [was for was, into in were if was.merged_into not in (None, into)]
        roots |= {was.merged_into for was in parted if was.merged_into}
        found = await store.resubmissions(tx, roots & batch.before.keys())
        for into in sorted(roots & batch.before.keys()):
            merged = found.get(into, ())
            before = [batch.before.get(again.lead, again) for again in merged]
            before += [was for was in parted if was.merged_into == into]
            old |= _keyed(restarted(batch.before[into], before))
            new |= _keyed(restarted(batch.after[into], merged))
        started = [timing for key, timing in new.items() if old.get(key) != timing]
        stopped = [key for key in old if key not in new]
        await store.keep_timings(tx, started, stopped)
        moved = {quarter(timing.at) for timing in started} | {quarter(old[key].at) for key in stopped}
        await store.mark_stale(tx, store.SPEED, moved)

    def _mind_gap(self, event: Told, last: int) -> None:
        """An event is missing before this one. The story goes on; somebody should look why."""
        if event.stamp.seq > last + 1:
            self._telemetry.story_gaps.inc()
            _log.error("story_gap", lead=event.stamp.lead_id, last=last, next=event.stamp.seq)


def _merged_into(event: Told) -> LeadId | None:
    into: LeadId | None = getattr(event.event, "into_lead_id", None)
    return into


def _keyed(timings: Iterable[Timing]) -> dict[TimingKey, Timing]:
    return {(timing.lead, timing.seq, timing.clock): timing for timing in timings}
