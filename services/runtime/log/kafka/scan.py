"""Reading all that there is, without a group and without leaving a trace."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from schemas.topics import Topic
from services.runtime.log.kafka.cluster import Cluster, opened
from services.runtime.log.kafka.subscription import outage, record_of
from services.runtime.log.port import LogUnavailable, Record

_SILENCE = 30.0
"""Seconds without a record after which the log does not answer."""


async def scan(
    cluster: Cluster, topics: Sequence[Topic], limit: int, since: datetime | None
) -> AsyncIterator[Sequence[Record]]:
    """Records to the ends as they are now, see the port. Raises: LogUnavailable."""
    bounds = await cluster.bounds(await cluster.places(topics))
    filled = {place: span for place, span in bounds.items() if span[0] < span[1]}
    if not filled:  # aiokafka's consumer, closed before it has done anything, cancels whoever closes it
        return
    loop = asyncio.get_running_loop()
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.servers, enable_auto_commit=False, auto_offset_reset="none")
    try:
        await opened(consumer, consumer.start, consumer.stop)
        try:
            for place, (first, end) in filled.items():
                tp = cluster.tp(place)
                consumer.assign([tp])
                if since is not None:
                    found_at = (await consumer.offsets_for_times({tp: int(since.timestamp() * 1000)}))[tp]
                    first = end if found_at is None else found_at.offset
                consumer.seek(tp, first)
                heard = loop.time()
                while (before := await consumer.position(tp)) < end:
                    try:
                        found = await consumer.getmany(tp, timeout_ms=1000, max_records=limit)
                    except OffsetOutOfRangeError:  # their time was over meanwhile
                        consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
                        found = {}
                    if records := [record_of(place, one) for one in found.get(tp, ()) if one.offset < end]:
                        yield records
                    if await consumer.position(tp) > before:
                        heard = loop.time()
                    elif loop.time() - heard > _SILENCE:
                        raise LogUnavailable(f"Kafka: {place.topic}/{place.partition} gives nothing from {before} on")
        finally:
            await consumer.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        raise outage(error) from error
