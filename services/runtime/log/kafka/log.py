"""The adapter: the port's promises, kept by Kafka."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from schemas.topics import Topic
from services.runtime.log.kafka.cluster import Cluster
from services.runtime.log.kafka.lanes import Lanes
from services.runtime.log.kafka.scan import scan
from services.runtime.log.kafka.subscription import KafkaSubscription
from services.runtime.log.port import Message, Place, Record


class KafkaLog:
    """Topics of a Kafka cluster, named with `prefix` before them. Offsets may have gaps."""

    def __init__(self, servers: str, prefix: str = "") -> None:
        self.servers = servers
        self.prefix = prefix
        self._cluster = Cluster(servers, prefix)
        self._lanes = Lanes(self._cluster)

    async def close(self) -> None:
        await self._lanes.close()
        await self._cluster.close()

    async def append(self, messages: Sequence[Message]) -> None:
        await self._lanes.append(messages)

    @asynccontextmanager
    async def subscribe(
        self, group: str, topics: Sequence[Topic], start: Callable[[Place], Awaitable[int | None]]
    ) -> AsyncIterator[KafkaSubscription]:
        subscription = KafkaSubscription(self._cluster, f"{self.prefix}leadgate.{group}", topics, start)
        await subscription.open()
        try:
            yield subscription
        finally:
            await subscription.close()

    async def starts(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        return await self._cluster.starts(topics)

    async def ends(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        return await self._cluster.ends(topics)

    async def read(
        self, topics: Sequence[Topic], limit: int = 1000, *, since: datetime | None = None
    ) -> AsyncIterator[Sequence[Record]]:
        async for records in scan(self._cluster, topics, limit, since):
            yield records

    async def identity(self, topic: Topic) -> str:
        """The topic's id, which no other topic of its name ever has (KIP-516)."""
        return f"kafka/{(await self._cluster.standing(topic)).id}"

    async def create(self, topics: Sequence[Topic], partitions: int, replicas: int | None = None) -> None:
        """Make topics; by default with three replicas, or as many as there are brokers.

        Raises: LogUnavailable; BadSetting where there are not so many brokers.
        """
        await self._cluster.create(topics, partitions, replicas)

    async def shortcomings(self, topics: Sequence[Topic]) -> list[str]:
        """How the topics are less durable than the design asks, in words. Raises: LogUnavailable, UnknownTopic."""
        return await self._cluster.shortcomings(topics)
