"""The cluster: which topics there are, how durable they are, where they begin and end; and to make them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from schemas.topics import Topic
from services.runtime.exits import BadSetting
from services.runtime.log.kafka.held import Endings, Held
from services.runtime.log.kafka.topicids import TopicIds
from services.runtime.log.port import LogUnavailable, Place, UnknownTopic

C = TypeVar("C")

_ANSWER = 10.0
"""Seconds that a broker has to answer in."""
_AT_ONCE = 1.0
"""Seconds in which a broker that has gone is known to have."""
_KNOWN = 2.0
"""Seconds for which what is known of the topics is good."""
_KEEPING = ("cleanup.policy", "retention.ms", "retention.bytes")
"""What decides how long records are kept: too short loses them, too long keeps people's data."""
REPLICAS, IN_SYNC = 3, 2
"""How many copies the design asks for, and how many of them acknowledge."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A topic as the cluster has it. `copies`: of the partition that has fewest; `in_sync`: likewise."""

    id: str
    partitions: tuple[int, ...]
    copies: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The cluster as it was seen."""

    id: str
    brokers: int
    topics: Mapping[str, Standing]


class Cluster:
    """Looks at a cluster. `prefix` stands before each topic's name, and is taken off what is told."""

    def __init__(self, servers: str, prefix: str) -> None:
        self.servers = servers
        self.prefix = prefix
        self._client = Held(self._open_client, AIOKafkaClient.close)
        self._looker = Held(self._open_looker, AIOKafkaConsumer.stop)
        self._seen: Seen | None = None
        self._seen_at = float("-inf")
        self._looking = asyncio.Lock()
        self.endings = Endings()

    async def close(self) -> None:
        await self.endings.wait()
        await self._client.close()
        await self._looker.close()

    async def standing(self, topic: Topic) -> Standing:
        """How a topic stands. Raises: LogUnavailable, UnknownTopic."""
        return (await self._stand([topic]))[topic.name]

    async def demand(self, topics: set[str]) -> None:
        """Make sure that topics are there, before a client asks for them: brokers may make what one asks for.

        Raises: LogUnavailable, UnknownTopic.
        """
        await self._stand([Topic(name, "", None) for name in sorted(topics)])

    async def places(self, topics: Sequence[Topic]) -> list[Place]:
        """All partitions of topics."""
        return [
            Place(name, partition)
            for name, standing in (await self._stand(topics)).items()
            for partition in standing.partitions
        ]

    async def starts(self, topics: Sequence[Topic]) -> dict[Place, int]:
        return await self._bounds(await self.places(topics), lambda looker: looker.beginning_offsets)

    async def ends(self, topics: Sequence[Topic]) -> dict[Place, int]:
        return await self._bounds(await self.places(topics), lambda looker: looker.end_offsets)

    async def bounds(self, places: Sequence[Place]) -> dict[Place, tuple[int, int]]:
        """Where partitions begin and end."""
        first = await self._bounds(places, lambda looker: looker.beginning_offsets)
        ends = await self._bounds(places, lambda looker: looker.end_offsets)
        return {place: (first[place], ends[place]) for place in places}

    def tp(self, place: Place) -> TopicPartition:
        return TopicPartition(self.prefix + place.topic, place.partition)

    def place(self, tp: TopicPartition) -> Place:
        return Place(tp.topic.removeprefix(self.prefix), tp.partition)

    async def look(self, topics: Sequence[Topic]) -> Seen:
        """Look now. Topics that are missing are left out. Raises: LogUnavailable."""
        asked = TopicIds([self.prefix + topic.name for topic in topics])
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await self._answer(asked)
        except LogUnavailable:
            if loop.time() - began > _AT_ONCE:
                raise
            answer = await self._answer(asked)  # one broker of several may have gone: who opens anew meets another
        return Seen(
            answer.cluster_id,
            len(answer.brokers),
            {
                name.removeprefix(self.prefix): Standing(
                    UUID(bytes=id_).hex,
                    tuple(sorted(partition[1] for partition in partitions)),
                    min(len(partition[4]) for partition in partitions),
                    min(len(partition[5]) for partition in partitions),
                )
                for error, name, id_, _, partitions, _, _ in answer.topics
                if for_code(error) is NoError and partitions
            },
        )

    async def _answer(self, asked: TopicIds) -> Any:
        async with self._client.use(_ANSWER) as client:
            return await client.send(client.get_random_node(), asked)

    async def create(self, topics: Sequence[Topic], partitions: int, replicas: int | None) -> None:
        """Make the topics that are missing, and give the others more partitions.

        Raises: LogUnavailable; BadSetting where there are not so many brokers.
        """
        seen = await self.look(topics)
        copies = min(REPLICAS, seen.brokers) if replicas is None else replicas
        if copies > seen.brokers:
            raise BadSetting(
                "--replicas", str(copies), f"there are {seen.brokers} brokers: give {seen.brokers} or fewer"
            )
        new = [
            NewTopic(self.prefix + topic.name, partitions, copies, topic_configs=configs(topic, copies))
            for topic in topics
            if topic.name not in seen.topics
        ]
        more = {
            self.prefix + name: NewPartitions(partitions)
            for name, standing in seen.topics.items()
            if len(standing.partitions) < partitions and name not in {topic.name for topic in topics if topic.ordered}
        }
        async with self._admin() as admin:
            if new:
                _refuse((await admin.create_topics(new)).topic_errors, TopicAlreadyExistsError)
            if more:
                _refuse((await admin.create_partitions(more)).topic_errors)
        await self._made(topics)

    async def shortcomings(self, topics: Sequence[Topic]) -> list[str]:
        """How the topics are less durable than the design asks, in words. Raises: LogUnavailable, UnknownTopic."""
        seen = await self.look(topics)
        _demand({topic.name for topic in topics}, seen)
        said = [
            f"{name} has {standing.copies} of {REPLICAS} replicas"
            for name, standing in seen.topics.items()
            if standing.copies < REPLICAS
        ]
        said += [
            f"{name} has a partition with {standing.in_sync} of {standing.copies} replicas in sync"
            for name, standing in seen.topics.items()
            if standing.in_sync < standing.copies
        ]
        async with self._admin() as admin:
            resources = [ConfigResource(ConfigResourceType.TOPIC, self.prefix + name) for name in seen.topics]
            answers = await admin.describe_configs(resources) if resources else []
        asked = {topic.name: topic for topic in topics}
        for answer in answers:
            for _, _, _, name, entries in answer.resources:
                values = {entry[0]: entry[1] for entry in entries}
                topic = name.removeprefix(self.prefix)
                wanted = configs(asked[topic], seen.topics[topic].copies)
                said += [
                    f"{topic} has {each}={values[each]}, not {wanted[each]}"
                    for each in _KEEPING
                    if each in wanted and values.get(each, wanted[each]) != wanted[each]
                ]
                if int(values.get("min.insync.replicas", IN_SYNC)) < min(IN_SYNC, seen.topics[topic].copies):
                    said.append(f"{topic} has min.insync.replicas={values['min.insync.replicas']}, not {IN_SYNC}")
                if values.get("unclean.leader.election.enable") == "true":
                    said.append(f"{topic} has unclean.leader.election.enable=true")
                if values.get("message.timestamp.type", "LogAppendTime") != "LogAppendTime":
                    said.append(f"{topic} has message.timestamp.type={values['message.timestamp.type']}")
        return said

    async def _made(self, topics: Sequence[Topic]) -> None:
        """Wait until every broker's clients see the topics."""
        names = {topic.name for topic in topics}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER):
                while names - (await self.look(topics)).topics.keys():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        _demand(names, await self.look(topics))
        self._seen = None

    async def _stand(self, topics: Sequence[Topic]) -> dict[str, Standing]:
        async with self._looking:
            now = asyncio.get_running_loop().time()
            wanted = {topic.name for topic in topics}
            if self._seen is None or now - self._seen_at > _KNOWN or wanted - self._seen.topics.keys():
                known = {} if self._seen is None else self._seen.topics
                names = wanted | known.keys()
                self._seen = await self.look([Topic(name, "", None) for name in sorted(names)])
                self._seen_at = now
            seen = self._seen
        _demand(wanted, seen)
        return {topic.name: seen.topics[topic.name] for topic in topics}

    async def _bounds(
        self,
        places: Sequence[Place],
        asked: Callable[[AIOKafkaConsumer], Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]],
    ) -> dict[Place, int]:
        if not places:
            return {}
        async with self._looker.use(_ANSWER) as looker:
            found = await asked(looker)([self.tp(place) for place in places])
        return {place: found[self.tp(place)] for place in places}

    async def _open_client(self) -> AIOKafkaClient:
        client = AIOKafkaClient(bootstrap_servers=self.servers, request_timeout_ms=int(_ANSWER * 1000))
        return await opened(client, client.bootstrap, client.close)

    async def _open_looker(self) -> AIOKafkaConsumer:
        looker = AIOKafkaConsumer(bootstrap_servers=self.servers, request_timeout_ms=int(_ANSWER * 1000))
        return await opened(looker, looker.start, looker.stop)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers, request_timeout_ms=int(_ANSWER * 1000))
        held = Held(lambda: opened(admin, admin.start, admin.close), AIOKafkaAdminClient.close)
        try:
            async with held.use(3 * _ANSWER):
                yield admin
        finally:
            await held.close()


def configs(topic: Topic, copies: int) -> dict[str, str]:
    """What a topic is made with.

    >>> configs(Topic("t", "key", None), 3)["min.insync.replicas"]
    '2'
    """
    durable = {
        "min.insync.replicas": str(min(IN_SYNC, copies)),
        "unclean.leader.election.enable": "false",
        "message.timestamp.type": "LogAppendTime",
    }
    if topic.compacted:
        return {**durable, "cleanup.policy": "compact", "segment.ms": "86400000"}
    whole = {**durable, "cleanup.policy": "delete", "retention.bytes": "-1"}
    if topic.kept is None:
        return {**whole, "retention.ms": "-1"}
    return {**whole, "retention.ms": str(int(topic.kept.total_seconds() * 1000)), "segment.ms": "86400000"}


async def opened(client: C, start: Callable[[], Awaitable[None]], close: Callable[[], Awaitable[None]]) -> C:
    """Start a client; one that does not start is closed again."""
    try:
        await start()
    except BaseException:
        with contextlib.suppress(Exception):
            await close()
        raise
    return client


def _demand(names: set[str], seen: Seen) -> None:
    if missing := names - seen.topics.keys():
        raise UnknownTopic(f"Kafka has no topic {', '.join(sorted(missing))}: run `leadgate topics create`")


def _refuse(errors: Sequence[Sequence[Any]], *fine: type[KafkaError]) -> None:
    for topic, code, *message in errors:
        error = for_code(code)
        if error is not NoError and error not in fine:
            said = f" ({message[0]})" if message and message[0] else ""
            raise LogUnavailable(f"Kafka did not make {topic}: {error.__name__}{said}")
