"""The consumer: poll, read, and in one transaction move the position, do the work, lay bad records aside.

A bad record never blocks a good one, and an outage never makes a good one bad (law 11): data errors halve the batch
down to the record at fault, everything else is tried again.
"""

import asyncio
import contextlib
import os
import random
import secrets
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from schemas.topics import Topic
from services.runtime import brake, deadletters, positions
from services.runtime.brake import Brake
from services.runtime.deadletters import Refused
from services.runtime.edge import Edge
from services.runtime.failures import Failure, failure, sqlstate
from services.runtime.log.port import Batch, Gap, Place, Record, Subscription
from services.runtime.positions import Overtaken, Standing
from services.runtime.received import Decode, Received, read, reason_of
from services.runtime.slices import halves, until, without
from services.runtime.tx import Tx

__all__ = ["Consumer", "Handler", "Received", "Refused"]

_log = structlog.get_logger("leadgate.consumer")
E = TypeVar("E")

Handler = Callable[[Tx, Sequence[Received[E]]], Awaitable[Sequence[Refused]]]
"""Does the work of a batch in the transaction given; what it refuses becomes dead letters there."""

_POLL = timedelta(seconds=1)
"""How long to wait for records before looking whether a stopped partition may go on."""


class _Flood(Exception):
    """The brake trips before the batch's end: do it as far as `end`, alone."""

    def __init__(self, place: Place, end: int) -> None:
        super().__init__(f"{place} until {end}")
        self.place = place
        self.end = end


class _OtherLog(Exception):
    """A position counts in another log than the one that we subscribed to: subscribe again."""


class Consumer(Generic[E]):
    """Reads topics as `group`, at most `limit` records at a time."""

    def __init__(
        self,
        edge: Edge,
        group: str,
        topics: Sequence[Topic],
        decode: Decode[E],
        handler: Handler[E],
        *,
        limit: int = 500,
    ) -> None:
        self.group = group
        self.topics = topics
        self._edge = edge
        self._decode = decode
        self._handler = handler
        self._limit = limit
        self._owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"
        self._brakes: dict[Place, Brake] = {}
        self._stopped: set[Place] = set()
        self._identities: dict[str, str] = {}
        self._subscription: Subscription | None = None

    def reading(self) -> Collection[Place]:
        """What is ours to read on in now."""
        return () if self._subscription is None else self._subscription.reading()

    async def run(self) -> None:
        """Consume until cancelled. Raises: LogUnavailable, or what an outage raised, outside of a batch."""
        while True:
            with contextlib.suppress(_OtherLog):
                await self._run()

    async def _run(self) -> None:
        self._identities = {topic.name: await self._edge.log.identity(topic) for topic in self.topics}
        self._brakes.clear()
        self._stopped.clear()
        try:
            async with self._edge.log.subscribe(self.group, self.topics, self._start) as subscription:
                self._subscription = subscription
                while True:
                    await self._look_for_resumed(subscription)
                    batch = await subscription.poll(self._limit, _POLL)
                    for gap in subscription.gaps():
                        await self._stop_at(gap)
                    if batch.spans:
                        await self._do(subscription, batch)
        finally:
            self._subscription = None
            with contextlib.suppress(Exception):  # best effort: who moves a position next owns it anyway
                async with asyncio.timeout(2), self._edge.database.tx() as tx:
                    await positions.leave(tx, self.group, self._owner)

    async def check(self) -> str:
        """Readiness: `ok`, or which partitions stand still and why."""
        async with self._edge.database.read() as tx:
            standing = await positions.standings(tx, self.group)
        stopped = [f"{s.place.topic}/{s.place.partition} ({s.stopped})" for s in standing.values() if s.stopped]
        return f"{self.group} stands still in {', '.join(stopped)}: see `leadgate consumer status`" if stopped else "ok"

    async def _start(self, place: Place) -> int | None:
        """The position that counts, in PostgreSQL; None where the partition stands still."""
        first, identity = (await self._edge.log.starts(self.topics)).get(place, 0), self._identities[place.topic]
        async with self._edge.database.tx() as tx:
            standing = await positions.take(tx, self.group, place, first=first, log=identity)
        if not self._goes_on(standing):
            return None
        if standing.log != identity:
            reason = f"the position {standing.position} counts in another log than this one"
            await self._stop_at(Gap(place, standing.position, first, reason))
            return None
        return standing.position

    def _goes_on(self, standing: Standing) -> bool:
        self._brakes[standing.place] = standing.brake
        if standing.stopped:
            self._stopped.add(standing.place)
        else:
            self._stopped.discard(standing.place)
        self._tell_stopped()
        return not standing.stopped

    async def _look_for_resumed(self, subscription: Subscription) -> None:
        if self._stopped:
            await self._read_again(subscription, tuple(self._stopped))

    async def _read_again(self, subscription: Subscription, places: Sequence[Place]) -> None:
        """Read on from the positions that count, where others may have moved or stopped them."""
        async with self._edge.database.read() as tx:
            standing = await positions.standings(tx, self.group)
        for place in places:
            if not self._goes_on(standing[place]):
                await subscription.pause(place)
            elif standing[place].log != self._identities[place.topic]:
                raise _OtherLog(f"{place.topic} was replaced, and that is accepted")
            else:
                await subscription.seek(place, standing[place].position)

    async def _stop_at(self, gap: Gap) -> None:
        """Nothing skips silently (law 12). Where it was only we who stood there, we are told so as we look again."""
        async with self._edge.database.tx() as tx:
            stopped = await positions.stop_at_gap(tx, self.group, gap.place, position=gap.position, detail=gap.reason)
        self._stopped.add(gap.place)
        self._tell_stopped()
        if stopped:
            _log.error("partition_stopped", by="gap", consumer=self.group, detail=gap.reason, **_named(gap.place))

    async def _do(self, subscription: Subscription, batch: Batch) -> None:
        received, refused = read(batch.records, self._decode)
        readable = {each.record: each for each in received}
        bad = {each.record: each.reason for each in refused}
        try:
            await self._settle(batch, readable, bad)
            subscription.done({place: span for place, span in batch.spans.items() if place not in self._stopped})
        except Overtaken:
            self._edge.telemetry.overtaken.labels(self.group).inc()
            await asyncio.sleep(random.uniform(0.05, 0.25))  # noqa: S311 - spread
            await self._read_again(subscription, tuple(batch.spans))
        for place in batch.spans.keys() & self._stopped:
            await subscription.pause(place)

    async def _settle(self, batch: Batch, readable: Mapping[Record, Received[E]], bad: Mapping[Record, str]) -> None:
        """Carry a batch out, whatever it takes. Raises: Overtaken."""
        pause = 0.1
        while True:
            batch = without(batch, self._stopped)
            if not batch.spans:
                return
            try:
                await self._carry_out(batch, readable, bad)
                return
            except Overtaken:
                if len(batch.spans) == 1:
                    raise
                await self._settle_apart(batch, readable, bad)
                return
            except _Flood as flood:
                batch = until(batch, flood.place, flood.end)
            except Exception as error:
                if _blames_a_record(error):
                    if len(batch.records) > 1:
                        for half in halves(batch):
                            await self._settle(half, readable, bad)
                        return
                    bad = {**bad, batch.records[0]: reason_of(error)}
                else:
                    self._edge.telemetry.retries.labels(self.group).inc()
                    _log.warning("batch_failed", consumer=self.group, error=repr(error), again_in_s=round(pause, 1))
                    await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - spread
                    pause = min(5.0, pause * 2)

    async def _settle_apart(
        self, batch: Batch, readable: Mapping[Record, Received[E]], bad: Mapping[Record, str]
    ) -> None:
        """Carry out what is still ours, partition by partition: one that another holds keeps no other waiting.

        Raises: Overtaken where any is not ours.
        """
        overtaken: Overtaken | None = None
        for place in batch.spans:
            try:
                await self._settle(without(batch, batch.spans.keys() - {place}), readable, bad)
            except Overtaken as this:
                overtaken = this
        if overtaken is not None:
            raise overtaken

    async def _carry_out(self, batch: Batch, readable: Mapping[Record, Received[E]], bad: Mapping[Record, str]) -> None:
        """One transaction: position, work, dead letters, brake. Raises: Overtaken, _Flood, what the work raised."""
        good = [readable[record] for record in batch.records if record not in bad]
        with self._edge.telemetry.batch_seconds.labels(self.group).time():
            async with self._edge.database.tx() as tx:
                await positions.advance(tx, self.group, batch.spans, logs=self._identities, owner=self._owner)
                refusals = {each.record: each.reason for each in await self._handler(tx, good)} if good else {}
                laid_aside = [
                    Refused(record, reason)
                    for record in batch.records
                    if (reason := bad.get(record) or refusals.get(record))
                ]
                await deadletters.add(tx, self.group, laid_aside)
                brakes = await self._brake(tx, batch, {each.record for each in laid_aside})
        self._committed(batch, laid_aside, brakes)

    async def _brake(self, tx: Tx, batch: Batch, bad: set[Record]) -> Mapping[Place, Brake]:
        """Count good and bad of each partition; stop it where the bad are a flood."""
        brakes: dict[Place, Brake] = {}
        for place in batch.spans:
            records = [record for record in batch.records if record.place == place]
            before = self._brakes[place]
            after, counted = brake.apply(before, [record in bad for record in records])
            if counted < len(records):
                raise _Flood(place, records[counted - 1].offset + 1)
            if after != before:
                stopped = ("brake", after.why()) if after.tripped else (None, None)
                await positions.mind(tx, self.group, place, after, stopped=stopped[0], detail=stopped[1])
                brakes[place] = after
        return brakes

    def _committed(self, batch: Batch, laid_aside: Sequence[Refused], brakes: Mapping[Place, Brake]) -> None:
        telemetry = self._edge.telemetry
        for topic, count in Counter(record.place.topic for record in batch.records).items():
            telemetry.records.labels(self.group, topic).inc(count)
        for each in laid_aside:
            telemetry.dead_letters.labels(self.group, each.record.place.topic).inc()
            _log.error("dead_letter", consumer=self.group, offset=each.record.offset, **_named(each.record.place))
        for place, after in brakes.items():
            self._brakes[place] = after
            if after.tripped:
                self._stopped.add(place)
                _log.error("partition_stopped", by="brake", consumer=self.group, detail=after.why(), **_named(place))
        self._tell_stopped()

    def _tell_stopped(self) -> None:
        for topic in self.topics:
            count = sum(place.topic == topic.name for place in self._stopped)
            self._edge.telemetry.stopped.labels(self.group, topic.name).set(count)


def _blames_a_record(error: Exception) -> bool:
    """Tell whether the work failed for what a record holds, not for its surroundings or our schema."""
    match failure(error):
        case Failure.DATA:
            return True
        case Failure.FAULT:
            return sqlstate(error) is None
        case Failure.OUTAGE:
            return False


def _named(place: Place) -> dict[str, object]:
    return {"topic": place.topic, "partition": place.partition}
