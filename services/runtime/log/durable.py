"""Durable: Kafka, and where that does not answer, the log table, from where the relay forwards it (law 1)."""

import asyncio
from collections.abc import Sequence

import structlog

from services.runtime.breaker import Breaker
from services.runtime.log.port import EventLog, LogUnavailable, Message, NotTaken, TooLarge
from services.runtime.telemetry import Telemetry

PATIENCE = 1.5
"""Seconds in which Kafka acknowledges, or is passed by."""
_TABLE_PATIENCE = 5.0

_log = structlog.get_logger("leadgate.log")


class Durable:
    """Appends to the one or the other, the same messages with the same ids: who reads both deduplicates."""

    def __init__(self, kafka: EventLog, table: EventLog, telemetry: Telemetry) -> None:
        self._kafka = kafka
        self._table = table
        self._telemetry = telemetry
        self._breaker = Breaker()

    async def append(self, messages: Sequence[Message]) -> None:
        """Return when the messages are durable in one of them. Raises: LogUnavailable, TooLarge.

        What Kafka refuses goes into the table too, from where it is shown as refused, and is not lost.
        """
        now = asyncio.get_running_loop().time()
        if self._breaker.lets(now):
            self._breaker = self._breaker.asking(now, PATIENCE)
            try:
                await self._by_kafka(messages)
            except LogUnavailable:
                await self._by_table(messages)
            return
        try:
            await self._by_table(messages)
        except LogUnavailable:
            await self._by_kafka(messages)  # it may be back, and is all there is

    async def _by_kafka(self, messages: Sequence[Message]) -> None:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._kafka.append(messages)
        except TooLarge:
            raise
        except NotTaken as error:
            self._answered()
            raise LogUnavailable(f"Kafka refuses it: {error}") from error
        except (LogUnavailable, TimeoutError) as error:
            if self._breaker.closed:
                _log.warning("kafka_passed_by", error=str(error) or type(error).__name__)
            self._breaker = self._breaker.failed(asked, loop.time())
            raise LogUnavailable(f"Kafka did not acknowledge: {error}") from error
        self._answered()

    def _answered(self) -> None:
        if not self._breaker.closed:
            _log.info("kafka_is_back")
            self._breaker = Breaker()

    async def _by_table(self, messages: Sequence[Message]) -> None:
        try:
            async with asyncio.timeout(_TABLE_PATIENCE):
                await self._table.append(messages)
        except TimeoutError as error:
            raise LogUnavailable("the log table did not answer") from error
        self._telemetry.fallback.inc(len(messages))
