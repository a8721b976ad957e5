"""Health: what is found of all that the processes of an application need."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from sqlalchemy import text

from schemas.topics import SERIES, TOPICS
from services.runtime.edge import Edge
from services.runtime.log.port import LogUnavailable, UnknownTopic
from services.runtime.migrations import Schema, stands
from services.runtime.process import Process
from services.runtime.readiness import OFF, OK, Finding, Readiness, merged, readiness

PATIENCE: Final = 2.0
"""Seconds that a check may take."""
LATELY: Final = 5.0
"""Seconds for which what Kafka said is good: probes must not load its brokers."""


class Health:
    """Looks, and judges."""

    def __init__(self, edge: Edge, processes: Sequence[Process]) -> None:
        self._edge = edge
        self._needs = [process.needs for process in processes]
        self._checks = [(name, check) for process in processes for name, check in process.checks.items()]
        self._kafka = Finding.of(OFF)
        self._kafka_until = float("-inf")
        self._asking = asyncio.Lock()

    async def look(self) -> tuple[Readiness, Mapping[str, Finding]]:
        """How ready we are, and each check's finding."""
        database, kafka, others = await asyncio.gather(
            self._look_at_database(),
            self._look_at_kafka(),
            asyncio.gather(*(_told(check()) for _, check in self._checks)),
        )
        said: dict[str, list[str]] = {"lag": [OFF]}
        for (name, _), other in zip(self._checks, others, strict=True):
            said.setdefault(name, []).append(other)
        found = {
            "postgres": database["postgres"],
            "kafka": kafka,
            "schema": database["schema"],
            **{name: Finding.of(merged(each)) for name, each in said.items()},
        }
        return readiness(found, self._needs), found

    async def _look_at_database(self) -> dict[str, Finding]:
        try:
            async with asyncio.timeout(PATIENCE), self._edge.database.read() as tx:
                version = await tx.value(text("SELECT version_num FROM public.alembic_version"))
        except Exception as error:
            away = Finding.of(f"does not answer: {type(error).__name__}")
            return {"postgres": away, "schema": Finding.of("unknown")}
        return {"postgres": Finding.of(OK), "schema": Finding.of(_schema(version))}

    async def _look_at_kafka(self) -> Finding:
        """As it was found lately, by whoever asked first."""
        async with self._asking:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._kafka_until:
                self._kafka = await self._ask_kafka()
                self._kafka_until = loop.time() + LATELY
            return self._kafka

    async def _ask_kafka(self) -> Finding:
        if self._edge.kafka is None:
            return Finding.of(OFF)
        try:
            async with asyncio.timeout(PATIENCE):
                short = await self._edge.kafka.shortcomings([*TOPICS, *SERIES])
        except UnknownTopic as error:
            return Finding.of(str(error))
        except (LogUnavailable, TimeoutError) as error:
            return Finding.of(f"does not answer: {type(error).__name__}")
        return Finding("; ".join(short) or OK, works=True)


async def _told(check: Awaitable[str]) -> str:
    try:
        return await asyncio.wait_for(check, PATIENCE)
    except Exception as error:
        return f"cannot be told: {type(error).__name__}"


@lru_cache(maxsize=8)
def _schema(version: str | None) -> str:
    found = stands(version)
    return OK if found in (Schema.OK, Schema.AHEAD) else f"{found.value}: run `leadgate migrate`"
