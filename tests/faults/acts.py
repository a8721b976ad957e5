"""Faults, carried out on a deployment: each returns when it is mended."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, assert_never

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError
from faults.caller import now
from faults.history import Spell
from faults.schedule import Fault, Kind
from kit.deployment import Deployment
from kit.proxy import Weather

from schemas.topics import INBOUND, INTAKE, LIFECYCLE, OUTBOUND, SIGNALS, Topic
from services.runtime.log.kafka import KafkaLog
from services.runtime.log.kafka.cluster import configs
from services.runtime.log.port import LogUnavailable, Message

POISON = b"poison"
"""What the value of a poison record begins with."""
SMALLEST = 4000
"""Bytes of a batch that brokers take while records are too large."""
_READS = {"router": INTAKE, "metrics": (LIFECYCLE, SIGNALS)}
_WEATHER = {
    Kind.DELAY: Weather.DELAY,
    Kind.SILENCE: Weather.SILENCE,
    Kind.DROP: Weather.DROP,
    Kind.RESET: Weather.RESET,
}


class Acts:
    """`large` posts some leads that Kafka, while this fault lasts, will refuse."""

    def __init__(
        self, deployment: Deployment, large: Callable[[], Coroutine[Any, Any, None]], dice: random.Random
    ) -> None:
        self._on = deployment
        self._large = large
        self._dice = dice
        self.spells: list[Spell] = []

    async def all(self, schedule: Sequence[Fault], say: Callable[[str], None]) -> None:
        """Carry a schedule out. Where a fault takes longer to mend, what is to come after it waits."""
        running: set[asyncio.Task[None]] = set()
        shift, until = time.monotonic(), 0.0
        for fault in schedule:
            if fault.at >= until and running:
                await asyncio.gather(*running)
                running.clear()
                shift = max(shift, time.monotonic() - until)
            await asyncio.sleep(shift + fault.at - time.monotonic())
            until = max(until, fault.until)
            running.add(asyncio.create_task(self._one(fault, say), name=str(fault)))
        await asyncio.gather(*running)

    async def _one(self, fault: Fault, say: Callable[[str], None]) -> None:
        began = now()
        say(f"{fault} for {fault.lasts:.1f} s")
        await self._do(fault)
        self.spells.append(Spell(str(fault), began, now()))

    async def _do(self, fault: Fault) -> None:
        on, target = self._on, fault.target
        match fault.kind:
            case Kind.KILL | Kind.BROKER | Kind.POSTGRES:
                await on.kill(target)
                await asyncio.sleep(fault.lasts)
                await on.start(target)
            case Kind.BOUNCE:
                await on.stop(target)
                await on.start(target)
            case Kind.PAUSE:
                on.pause(target)
                await asyncio.sleep(fault.lasts)
                on.resume(target)
            case Kind.ROLL:
                for broker in ("broker-1", "broker-2", "broker-3"):
                    await on.stop(broker)
                    await on.start(broker)
                    await asyncio.sleep(2)
            case Kind.NO_KAFKA:
                await self._without_kafka(fault.lasts)
            case Kind.BLACKOUT:
                await on.kill("postgres")
                await self._without_kafka(fault.lasts)
                await on.start("postgres")
            case Kind.TERMINATE:
                ends = time.monotonic() + fault.lasts
                await on.terminate_connections()
                while time.monotonic() < ends:
                    await asyncio.sleep(0.5)
                    await on.terminate_connections()
            case Kind.DELAY | Kind.SILENCE | Kind.DROP | Kind.RESET:
                caller, _, server = target.partition(">")
                on.network.become(caller, server, _WEATHER[fault.kind])
                await asyncio.sleep(fault.lasts)
                on.network.become(caller, server, Weather.FINE)
            case Kind.STORM:
                await asyncio.gather(*(self._come_and_go(target, fault.lasts) for _ in range(3)))
            case Kind.POISON:
                await self._poison()
            case Kind.LARGE:
                await self._too_large(fault.lasts)
            case Kind.DISK:
                await on.fill_disk()
                await asyncio.sleep(fault.lasts)
                on.free_disk()
            case _:
                assert_never(fault.kind)

    async def _without_kafka(self, lasts: float) -> None:
        await asyncio.gather(*(self._on.kill(f"broker-{number}") for number in (1, 2, 3)))
        await asyncio.sleep(lasts)
        await self._on.start_brokers()

    async def _come_and_go(self, group: str, lasts: float) -> None:
        """Be a member of a consumer group that reads nothing, again and again."""
        ends = time.monotonic() + lasts
        while time.monotonic() < ends:
            member = AIOKafkaConsumer(
                *(topic.name for topic in _READS[group]),
                bootstrap_servers=self._on.bootstrap,
                group_id=f"leadgate.{group}",
                enable_auto_commit=False,
                auto_offset_reset="none",
                partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            )
            try:
                async with asyncio.timeout(5):
                    await member.start()
                await asyncio.sleep(self._dice.uniform(0.1, 1.0))
            except (KafkaError, TimeoutError, OSError):
                pass
            finally:
                with contextlib.suppress(KafkaError, TimeoutError, OSError):
                    async with asyncio.timeout(5):
                        await member.stop()

    async def _poison(self) -> None:
        """Bad ones among good ones, some of them well dressed."""
        log = KafkaLog(self._on.bootstrap)
        try:
            for topic in (INBOUND, OUTBOUND, LIFECYCLE, SIGNALS):
                for dressed in (False, True):
                    await _append(log, _bad(topic, dressed, self._dice))
        finally:
            await log.close()

    async def _too_large(self, lasts: float) -> None:
        """What was fine becomes too large, as when a topic's limit is lowered; then it is put right, and replayed."""
        await self._limit(SMALLEST)
        await self._large()
        await asyncio.sleep(lasts)
        async with asyncio.timeout(30):
            while not await self._refused():
                await asyncio.sleep(0.5)
        await self._limit(None)
        await asyncio.gather(*(self._on.command("dlq", "replay", id_) for id_ in await self._refused()))

    async def _refused(self) -> list[str]:
        async with self._on.sql() as conn:
            rows = await conn.fetch("SELECT id FROM log.dead_letters WHERE consumer = 'relay' AND replayed_at IS NULL")
        return [row["id"] for row in rows]

    async def _limit(self, size: int | None) -> None:
        """Let brokers take batches of so many bytes for the intake topic; None: of what they did before."""
        wanted = {**configs(INBOUND, 3), **({"max.message.bytes": str(size)} if size else {})}
        admin = AIOKafkaAdminClient(bootstrap_servers=self._on.bootstrap)
        await admin.start()
        try:
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, INBOUND.name, configs=wanted)])
        finally:
            await admin.close()


def _bad(topic: Topic, dressed: bool, dice: random.Random) -> Message:
    headers = {"ce_id": b"evt_1", "ce_type": b"leadgate.lead.submitted.v1"} if dressed else {}
    return Message(topic.name, f"poison-{dice.random()}", POISON + b" \xff", tuple(headers.items()))


async def _append(log: KafkaLog, message: Message) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                return await log.append([message])
            except LogUnavailable:
                await asyncio.sleep(0.5)
