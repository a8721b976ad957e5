"""The topics of the series, as somebody reads them who starts from nothing; and a log that is not what one hopes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from schemas.events.signals import Signal
from schemas.events.stamp import Told
from schemas.topics import SERIES, Topic
from services.metrics import kept, published
from services.metrics.records import record_of
from services.runtime.edge import Edge
from services.runtime.log.messages import emitted
from services.runtime.log.port import EventLog, LogUnavailable, Message, Place, Record
from services.runtime.trace import Trace
from services.runtime.tx import Emission


@dataclass
class Heard:
    """What the topics hold. `last` of each key is what compaction keeps; None: a tombstone."""

    records: list[Record] = field(default_factory=list)
    last: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each key the version that counts: the highest revision; a tombstone removes."""

    def hear(self, record: Record) -> None:
        self.records.append(record)
        said = None if record.value is None else json.loads(record.value)
        self.last[record.key] = said
        if said is None:
            self.counts.pop(record.key, None)
        elif said["revision"] >= self.counts.get(record.key, {"revision": 0})["revision"]:
            self.counts[record.key] = said

    def revisions(self) -> dict[str, int | None]:
        return {key: said and said["revision"] for key, said in self.last.items()}


async def heard(edge: Edge) -> Heard:
    """Read the topics from nothing."""
    found = Heard()
    async for records in edge.log.read(SERIES):
        for record in records:
            found.hear(record)
    return found


async def tell(edge: Edge, *events: Told | Signal) -> None:
    """Have events in the log, as the relay brings them there."""
    async with edge.database.read() as tx:
        now = tx.now
    await edge.log.append([emitted(Emission(event, Trace(), "router"), now) for event in events])


async def is_published(edge: Edge) -> bool:
    """Whether all that changed has been published, and that is saved."""
    async with edge.database.read() as tx:
        return (await published.stands(tx)).revision == await kept.last_revision(tx) > 0


async def assert_complete(edge: Edge) -> Heard:
    """The topics have of each series the latest version: counted by revision, and kept by compaction too."""
    found = await heard(edge)
    async with edge.database.read() as tx:
        standing = await kept.after(tx, 0, 1_000_000)
    assert found.revisions() == {one.key: one.revision if one.record else None for one in standing}
    assert found.counts == {key: said for key, said in found.last.items() if said}
    for one in standing:
        if (said := found.counts.get(one.key)) is not None:
            record = record_of(one, datetime.fromisoformat(said["as_of"]))
            assert record is not None
            assert record.model_dump(mode="json") == said
    return found


class Beside:
    """A log with a fault of its own, before the real one."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


class Slow(Beside):
    """What is appended stands still on its way until `go` is set."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.on_its_way = asyncio.Event()
        self.go = asyncio.Event()

    async def append(self, messages: Sequence[Message]) -> None:
        self.on_its_way.set()
        await self.go.wait()
        await self._log.append(messages)


class SlowToLook(Beside):
    """It says which topics it has only when `go` is set."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.on_its_way = asyncio.Event()
        self.go = asyncio.Event()

    async def identity(self, topic: Topic) -> str:
        self.on_its_way.set()
        await self.go.wait()
        return await self._log.identity(topic)


class Late(Beside):
    """The first append is said to have failed, and lands when the brokers answer again, or after the next one."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.failed = False
        self._late: Sequence[Message] = ()

    async def append(self, messages: Sequence[Message]) -> None:
        if not self.failed:
            self.failed, self._late = True, messages
            raise LogUnavailable("it is not known whether it is in the log")
        await self._log.append(messages)
        await self._land()

    async def ends(self, topics: Sequence[Topic]) -> Mapping[Place, int]:
        await self._land()
        return await self._log.ends(topics)

    async def _land(self) -> None:
        late, self._late = self._late, ()
        await self._log.append(late)


def with_log(edge: Edge, log: object) -> Edge:
    return replace(edge, log=log)  # type: ignore[arg-type]


async def all_turns(turn: Callable[[], Awaitable[bool | None]]) -> None:
    """Until nothing is left to do."""
    while await turn():
        pass


def added(cells: Iterable[Mapping[str, Any]], by: str) -> dict[str | None, dict[str, int]]:
    """Funnel cells, added up by a dimension: its value → metric → count."""
    sums: dict[str | None, dict[str, int]] = {}
    for cell in cells:
        row = sums.setdefault(cell["dimensions"].get(by), {})
        row[cell["metric"]] = row.get(cell["metric"], 0) + cell["value"]
    return sums
