"""Metrics fed by hand: events straight into its handler, in whatever batches a test likes; or the process at work."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI

from kit.desks import POLICY
from kit.tales import MONDAY
from kit.tiny import calling, key_of
from kit.waiting import running
from schemas.envelope import Envelope
from schemas.events.signals import QueueMeasured, Signal
from schemas.events.stamp import Told
from schemas.words import PrincipalKind
from services import policies
from services.metrics.handler import Handler
from services.metrics.kept import refold
from services.metrics.process import build
from services.runtime.database import Database
from services.runtime.edge import Edge
from services.runtime.http.app import build_app
from services.runtime.log.port import Place, Record
from services.runtime.received import Received
from services.runtime.telemetry import Telemetry

LONDON = ZoneInfo("Europe/London")


def received(event: Told | Signal, offset: int = 0) -> Received[Told | Signal]:
    """An event as the consumer hands it on."""
    place = Place("leads.lifecycle.v1", 0)
    record = Record(place, offset, event.stamp.at if isinstance(event, Told) else None, "key", b"", ())  # type: ignore[arg-type]
    return Received(record, Envelope("evt_1", "", "", "key", "", ""), event)


async def count(database: Database, *batches: Sequence[Told | Signal], telemetry: Telemetry | None = None) -> None:
    """Give these batches to the handler, each in a transaction of its own."""
    handler = Handler(telemetry or Telemetry())
    for batch in batches:
        async with database.tx() as tx:
            assert not await handler(tx, [received(event) for event in batch])


async def refold_all(database: Database, zone: ZoneInfo = LONDON) -> None:
    """Recompute all series that are stale."""
    more = True
    while more:
        async with database.tx() as tx:
            more = await refold(tx, zone)


def slices(events: Iterable[Told], size: int) -> list[list[Told]]:
    """Events in batches of so many."""
    all_ = list(events)
    return [all_[at : at + size] for at in range(0, len(all_), size)]


def interleaved(stories: Sequence[Sequence[Told]], turns: Iterable[int]) -> list[Told]:
    """All events of some stories, each story in its order, the next one taken from the story that `turns` says."""
    left = [list(story) for story in stories if story]
    found: list[Told] = []
    for turn in turns:
        if not left:
            break
        story = left[turn % len(left)]
        found.append(story.pop(0))
        left = [one for one in left if one]
    return [*found, *(told for story in left for told in story)]


def measured(queue: str = "closing/uk", **said: Any) -> QueueMeasured:
    """A queue's measures: nothing there, but for what is `said`."""
    row = dict.fromkeys(QueueMeasured.model_fields, 0) | dict.fromkeys(
        ["target", "zone", "opens_at", "oldest_queued_at"]
    )
    return QueueMeasured(**row | {"queue": queue, "measured_at": MONDAY} | said)


@dataclass
class Metrics:
    """The process at work, and managers who ask it."""

    edge: Edge
    app: FastAPI
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def tell(self, *events: Told | Signal) -> None:
        """Commit events to the log."""
        async with self.edge.database.tx() as tx:
            tx.emit(*events)

    async def manager(self, *desks: str, name: str = "Mo") -> httpx.AsyncClient:
        key = await key_of(self.edge, PrincipalKind.MANAGER, desks=desks, name=name)
        return await self.stack.enter_async_context(calling(self.app, key))


@asynccontextmanager
async def metrics_of(
    edge: Edge, *, policy: str | None = POLICY, tasks: Sequence[str] = ("consumer", "series", "tail")
) -> AsyncIterator[Metrics]:
    """The process, reading the log."""
    if policy is not None:
        async with edge.database.tx() as tx:
            await policies.publish(tx, policies.sound(policy))
    process = build(edge)
    metrics = Metrics(edge, build_app(edge, [process]))
    async with metrics.stack as stack:
        for name in tasks:
            await stack.enter_async_context(running(process.tasks[name]()))
        yield metrics


async def asked(client: httpx.AsyncClient, what: str, **query: Any) -> dict[str, Any]:
    """An answer of metrics. `from_` is `from`."""
    response = await client.get(
        f"/v1/metrics/{what}", params={name.rstrip("_"): value for name, value in query.items()}
    )
    assert response.status_code == 200, response.text
    said: dict[str, Any] = json.loads(response.text)
    return said
