"""Appending: a lane for each partition, in which one batch at a time is on its way.

So a lead's records keep their order whatever fails, a partition without a leader holds up no other, and what arrives
while a batch is on its way is the next one. The broker's idempotence stays off: one refused batch would wedge its
partition, and ids deduplicate anyway.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from aiokafka.producer.message_accumulator import BatchBuilder

from services.runtime.coalescer import Coalescer
from services.runtime.log.kafka.cluster import Cluster, opened
from services.runtime.log.kafka.held import Held
from services.runtime.log.partitioner import partition_of
from services.runtime.log.port import LARGEST, Message, NotTaken, Place, TooLarge

BATCH = 256 * 1024
"""Bytes of a batch; aiokafka's default of 16 KiB collapses under load."""
_LOOK = 1.0
"""Seconds for which the number of a topic's partitions is good."""
_DELIVERY = 10.0
"""Seconds after which it is unknown whether a batch is in the log."""
_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError, CorruptRecordException)


class Lanes:
    """Appends messages, each to its partition."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer = Held(self._open, AIOKafkaProducer.stop)
        self._known: set[str] = set()
        self._partitions: dict[str, int] = {}
        self._asked = float("-inf")
        self._lanes: dict[Place, Coalescer[Sequence[Message], None]] = {}

    async def append(self, messages: Sequence[Message]) -> None:
        """See the port."""
        for message in messages:
            if (size := size_of(message)) > LARGEST:
                raise TooLarge(f"a message of {size} bytes for {message.topic}; the limit is {LARGEST}")
        counts = await self._counts({message.topic for message in messages})
        by_place: defaultdict[Place, list[Message]] = defaultdict(list)
        for message in messages:
            place = Place(message.topic, partition_of(message.key, counts[message.topic]))
            by_place[place].append(message)
        if len(by_place) == 1:
            for place, these in by_place.items():
                await self._lane(place).coalesce(these)
            return
        results = await asyncio.gather(
            *(self._lane(place).coalesce(tuple(these)) for place, these in by_place.items()), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        await self._producer.close()

    async def _counts(self, topics: set[str]) -> dict[str, int]:
        """How many partitions each topic has, as the producer knows it: it learns of new ones by itself."""
        now = asyncio.get_running_loop().time()
        if now - self._asked < _LOOK and topics <= self._partitions.keys():
            return self._partitions
        if new := topics - self._known:
            await self._cluster.demand(new)
            self._known |= new
        wanted = tuple(self._known)  # which others add to meanwhile
        async with self._producer.use(_DELIVERY) as producer:
            found = {topic: len(await producer.partitions_for(self._cluster.prefix + topic)) for topic in wanted}
        self._partitions, self._asked = found, now
        return found

    def _lane(self, place: Place) -> Coalescer[Sequence[Message], None]:
        if place not in self._lanes:

            async def together(asks: Sequence[Sequence[Message]]) -> Sequence[None]:
                await self._send(place, [message for ask in asks for message in ask])
                return [None] * len(asks)

            self._lanes[place] = Coalescer(together, limit=500, spoils=NotTaken)
        return self._lanes[place]

    async def _send(self, place: Place, messages: Sequence[Message]) -> None:
        """Send messages of one partition, a batch after the other. Raises: LogUnavailable, NotTaken."""
        async with self._producer.use(_DELIVERY) as producer:
            builder, tp = producer.create_batch(), self._cluster.tp(place)
            for message in messages:
                if not _added(builder, message):
                    await self._sent(producer, builder, tp)
                    builder = producer.create_batch()
                    _added(builder, message)
            await self._sent(producer, builder, tp)

    async def _sent(self, producer: AIOKafkaProducer, builder: BatchBuilder, tp: TopicPartition) -> None:
        try:
            delivery = await producer.send_batch(builder, tp.topic, partition=tp.partition)
            delivery.add_done_callback(_heard)
            await delivery
        except _REFUSALS as error:
            raise NotTaken(f"Kafka refuses it: {type(error).__name__}") from error

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._cluster.servers,
            acks="all",
            enable_idempotence=False,
            max_batch_size=BATCH,
            max_request_size=LARGEST + BATCH,
            request_timeout_ms=int(_DELIVERY * 1000),
        )
        return await opened(producer, producer.start, producer.stop)


def size_of(message: Message) -> int:
    """Bytes of key, value and headers together."""
    return len(message.key) + len(message.value or b"") + sum(len(name) + len(value) for name, value in message.headers)


def _added(builder: BatchBuilder, message: Message) -> bool:
    """Add it to the batch; tell whether it fits in."""
    added = builder.append(timestamp=None, key=message.key.encode(), value=message.value, headers=list(message.headers))
    return added is not None


def _heard(delivery: "asyncio.Future[object]") -> None:
    """Nobody waits for it any more: that it failed is no news."""
    if not delivery.cancelled():
        delivery.exception()
