"""The duty of the relay: what the log table holds goes on to Kafka, in order, and is deleted once it is durable there.

One worker leads. A record may go twice (it was not known whether the first time succeeded), under the same event id.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from services.runtime.edge import Edge
from services.runtime.leader import Leader
from services.runtime.log import outbox, table
from services.runtime.log.outbox import message_of
from services.runtime.log.port import EventLog, LogUnavailable, NotTaken, Place, Record
from services.runtime.tx import ReadTx
from services.worker.loops import SOON, Duty

NAME = "relay"
_LIMIT = 500
"""How many records of a partition go in one turn at most."""
_BREATH = timedelta(milliseconds=20)
_MEASURE = timedelta(seconds=5)
"""How often it is counted what waits."""
_LATE = timedelta(seconds=60)
"""A record that waits for longer is told of."""

_log = structlog.get_logger("leadgate.relay")


def duty(edge: Edge) -> Duty:
    """Forward what there is, whenever there is some."""
    leader = Leader(NAME)
    measured: datetime | None = None

    async def turn() -> bool:
        nonlocal measured
        async with edge.database.tx() as tx:
            if measured is None or tx.now - measured >= _MEASURE:
                measured = tx.now
                await _measure(edge, tx)
            if not await leader.leads(tx):
                return False
            records = await outbox.oldest(tx, _LIMIT)
        if not records:
            return False
        by_place: defaultdict[Place, list[Record]] = defaultdict(list)
        for record in records:
            by_place[record.place].append(record)
        went = await asyncio.gather(*(_forward(edge, these) for these in by_place.values()))
        if None in went:
            return False
        return went != [len(these) for these in by_place.values()] or any(map(_full, by_place.values()))

    return Duty(NAME, turn, SOON, (table.WAKE,), _BREATH)


async def check(edge: Edge) -> str:
    """Readiness: `ok`, or what has not been forwarded and should have been."""
    async with edge.database.read() as tx:
        parked, late = await outbox.parked(tx), await outbox.waits(tx, tx.now - _LATE)
    said = [f"{parked} records that Kafka refused wait: see `leadgate dlq list`"] if parked else []
    if late:
        said.append(f"records wait for Kafka for more than {_LATE.seconds} s")
    return "; ".join(said) or "ok"


def _full(records: Sequence[Record]) -> bool:
    """Whether of a partition there may be more than a turn holds."""
    return len(records) == _LIMIT or sum(len(record.value or b"") for record in records) >= outbox.TOGETHER


async def _measure(edge: Edge, tx: ReadTx) -> None:
    """Tell operators what waits: each worker does, whoever leads, for a leader that is stuck tells nothing."""
    left = await outbox.backlog(tx)
    edge.telemetry.relay_waiting.set(left.waiting)
    edge.telemetry.relay_parked.set(left.parked)
    edge.telemetry.relay_age.set((tx.now - left.oldest).total_seconds() if left.oldest is not None else 0)


async def _forward(edge: Edge, records: Sequence[Record]) -> int | None:
    """Forward records of one partition, as far as Kafka takes them; how many it took. None: it does not answer."""
    try:
        await edge.log.append([message_of(record) for record in records])
        taken, refused = records, None
    except NotTaken:
        taken, refused = await _one_by_one(edge.log, records)
    except LogUnavailable as error:
        edge.telemetry.failures.labels(f"worker.{NAME}").inc()
        _log.warning(
            "relay_waits", topic=records[0].place.topic, partition=records[0].place.partition, error=str(error)
        )
        return None
    async with edge.database.tx() as tx:
        await outbox.forwarded(tx, taken)
        if refused is not None:
            await outbox.park(tx, refused[0], refused[1])
            _log.error("record_refused", topic=refused[0].place.topic, key=refused[0].key, reason=refused[1])
    edge.telemetry.relayed.labels(records[0].place.topic).inc(len(taken))
    return len(taken)


async def _one_by_one(log: EventLog, records: Sequence[Record]) -> tuple[Sequence[Record], tuple[Record, str] | None]:
    """Find the first that Kafka refuses: what went before it is forwarded, what follows waits for the next turn."""
    for nth, record in enumerate(records):
        try:
            await log.append([message_of(record)])
        except LogUnavailable:
            return records[:nth], None
        except NotTaken as error:
            return records[:nth], (record, str(error))
    return records, None
