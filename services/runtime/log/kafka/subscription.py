"""Reading as one of a consumer group: Kafka shares the partitions out, PostgreSQL's positions count.

The rebalance listener only notes what comes and goes: aiokafka swallows what a listener raises, and delivers records
from before a seek if it awaits. So a partition that comes is paused, its records are dropped, and the next poll reads
its position and seeks; and in the end the transaction of a batch turns away whoever was surprised (see `positions`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from schemas.topics import Topic
from services.runtime.log.kafka.cluster import Cluster
from services.runtime.log.kafka.held import CLOSING
from services.runtime.log.port import Batch, Gap, LogUnavailable, Place, Record, Span

_log = structlog.get_logger("leadgate.kafka")
_JOIN = 30.0
"""Seconds in which a group lets a member in."""
_SLACK = 20.0
"""Seconds for which a poll may be longer than asked, while partitions are shared out anew."""
_COMMITS = 1.0
_IDENTITIES = 5.0
"""Seconds between commits to the group, and between looks whether a topic was replaced."""


class KafkaSubscription(ConsumerRebalanceListener):
    """Reads the partitions that the group gives us."""

    def __init__(
        self,
        cluster: Cluster,
        group: str,
        topics: Sequence[Topic],
        start: Callable[[Place], Awaitable[int | None]],
    ) -> None:
        self._cluster = cluster
        self._topics = topics
        self._start = start
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=cluster.servers,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",  # or what went unread would be skipped without a word
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),  # the sticky one keeps stale state
            metadata_max_age_ms=5000,  # new partitions are found as soon as in the table
            check_crcs=True,
        )
        self._new: set[TopicPartition] = set()
        self._unchecked: set[Place] = set()
        self._positions: dict[Place, int] = {}
        self._gaps: list[Gap] = []
        self._ids: dict[str, str] = {}
        self._looked = float("-inf")
        self._done: dict[Place, int] = {}
        self._commit: asyncio.Task[None] | None = None
        self._committed = float("-inf")

    async def open(self) -> None:
        """Join the group. Raises: LogUnavailable."""
        self._ids = {topic.name: (await self._cluster.standing(topic)).id for topic in self._topics}
        self._consumer.subscribe([self._cluster.prefix + topic.name for topic in self._topics], listener=self)
        try:
            async with asyncio.timeout(_JOIN):
                await self._consumer.start()
        except BaseException as error:
            await self.close()
            raise outage(error) from error

    async def close(self) -> None:
        """Leave it."""
        if self._commit is not None:
            self._commit.cancel()
        leaving = self._cluster.endings.begin(self._consumer.stop)
        await asyncio.wait({leaving}, timeout=CLOSING)  # the group finds out by itself, too

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget them: whoever gets them reads their positions."""
        self._positions.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note them. Nothing is read there until the next poll has sought."""
        self._new = set(assigned)
        self._positions.clear()
        self._consumer.pause(*self._new)

    async def poll(self, limit: int, wait: timedelta) -> Batch:
        await self._look_around()
        self._commit_now_and_then()
        try:
            async with asyncio.timeout(wait.total_seconds() + _SLACK):
                shortly = timedelta() if self._gaps else wait
                found = await self._consumer.getmany(timeout_ms=int(shortly.total_seconds() * 1000), max_records=limit)
                return await self._taken(found)
        except NoOffsetForPartitionError:
            return Batch((), {})  # the group never committed there: the next poll seeks
        except OffsetOutOfRangeError as error:
            self._unchecked |= {self._cluster.place(tp) for tp in error.args[0]}
            return Batch((), {})
        except (KafkaError, OSError, TimeoutError) as error:
            raise outage(error) from error

    async def seek(self, place: Place, position: int) -> None:
        tp = self._cluster.tp(place)
        if tp in self._consumer.assignment() and tp not in self._new:
            self._consumer.seek(tp, position)
            self._consumer.resume(tp)
            self._positions[place] = position
            self._unchecked.add(place)

    async def pause(self, place: Place) -> None:
        self._positions.pop(place, None)
        tp = self._cluster.tp(place)
        if tp in self._consumer.assignment():
            self._consumer.pause(tp)

    def done(self, spans: Mapping[Place, Span]) -> None:
        self._done.update({place: span.next for place, span in spans.items()})

    def reading(self) -> Collection[Place]:
        return self._positions.keys()

    def gaps(self) -> Sequence[Gap]:
        gaps, self._gaps = self._gaps, []
        return gaps

    async def _look_around(self) -> None:
        """See what came, went or was replaced. While Kafka does not answer, what can be read goes on being read."""
        unchecked = set(self._unchecked)
        try:
            await self._welcome()
            await self._look_for_replaced()
            unchecked = set(self._unchecked)
            await self._look_for_gaps()
        except LogUnavailable as error:
            self._unchecked |= unchecked
            _log.warning("kafka_does_not_answer", error=str(error))

    async def _welcome(self) -> None:
        """Read the positions of what has come, and seek; what went again meanwhile is left alone."""
        while self._new:
            tp = next(iter(self._new))
            position = await self._start(self._cluster.place(tp))
            if tp in self._new:
                self._new.discard(tp)
                if position is not None:
                    await self.seek(self._cluster.place(tp), position)
                elif tp in self._consumer.assignment():  # paused as it is, it would ask the group where to begin
                    self._consumer.seek(tp, 0)

    async def _look_for_gaps(self) -> None:
        """Positions that were just taken lie within the log, or are a gap."""
        unchecked, self._unchecked = self._unchecked & self._positions.keys(), set()
        for place, (first, end) in (await self._cluster.bounds(sorted(unchecked, key=str))).items():
            position = self._positions.get(place)
            if position is None:
                continue
            if position < first:
                reason = f"records {position} to {first - 1} are gone: their time was over"
            elif position > end:
                reason = f"the log ends at {end}, before the position {position}: it is another one"
            else:
                continue
            self._gaps.append(Gap(place, position, first, reason))
            await self.pause(place)

    async def _look_for_replaced(self) -> None:
        """A topic that was deleted and made again is another one, whatever its offsets."""
        now = asyncio.get_running_loop().time()
        if now - self._looked < _IDENTITIES:
            return
        self._looked = now
        for topic in self._topics:
            if (await self._cluster.standing(topic)).id != self._ids[topic.name]:
                for place in [place for place in self._positions if place.topic == topic.name]:
                    position = self._positions[place]
                    self._gaps.append(
                        Gap(place, position, 0, f"{topic.name} was replaced by another topic of its name")
                    )
                    await self.pause(place)

    async def _taken(self, found: Mapping[TopicPartition, Sequence["ConsumerRecord[bytes, bytes]"]]) -> Batch:
        """What came, of those partitions that are ours and where we sought."""
        records: list[Record] = []
        spans: dict[Place, Span] = {}
        for tp, those in found.items():
            place = self._cluster.place(tp)
            position = self._positions.get(place)
            if position is None or tp in self._new or not those:
                continue
            if those[0].offset < position:  # from before a seek: what they passed over is still to be read
                await self.seek(place, position)
                continue
            records += [record_of(place, one) for one in those]
            spans[place] = Span(position, those[-1].offset + 1)
        for place, position in list(self._positions.items()):
            try:
                reached = await self._consumer.position(self._cluster.tp(place))
            except IllegalStateError:
                continue  # it was just taken from us
            start = spans[place].start if place in spans else position
            if reached > (spans[place].next if place in spans else position):  # the broker's own records, left out
                spans[place] = Span(start, reached)
        self._positions.update({place: span.next for place, span in spans.items() if place in self._positions})
        return Batch(tuple(records), spans)

    def _commit_now_and_then(self) -> None:
        """Tell the group how far we are, for lag tools. Nothing waits for it, and nothing rests on it."""
        now = asyncio.get_running_loop().time()
        if not self._done or now - self._committed < _COMMITS or (self._commit and not self._commit.done()):
            return
        ours = self._consumer.assignment()
        offsets = {tp: at for place, at in self._done.items() if (tp := self._cluster.tp(place)) in ours}
        self._done.clear()
        self._committed = now
        if offsets:  # or all of it was taken from us meanwhile
            self._commit = asyncio.create_task(self._tell_group(offsets), name="kafka.commit")

    async def _tell_group(self, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            async with asyncio.timeout(5):
                await self._consumer.commit(dict(offsets))
        except (KafkaError, OSError, TimeoutError):
            return


def record_of(place: Place, one: "ConsumerRecord[bytes, bytes]") -> Record:
    headers = tuple((name, value or b"") for name, value in one.headers)
    key = (one.key or b"").decode(errors="replace")
    return Record(place, one.offset, datetime.fromtimestamp(one.timestamp / 1000, UTC), key, one.value, headers)


def outage(error: BaseException) -> BaseException:
    """As the port names it; what is no outage stays what it is."""
    if isinstance(error, (KafkaError, OSError, TimeoutError)):
        return LogUnavailable(f"Kafka: {type(error).__name__}: {error}".removesuffix(": "))
    return error
