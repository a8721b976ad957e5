"""Metrics fed by hand: events straight into its handler, in whatever batches a test likes."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from schemas.envelope import Envelope
from schemas.events.signals import Signal
from schemas.events.stamp import Told
from services.metrics.handler import Handler
from services.metrics.kept import refold
from services.runtime.database import Database
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


HOUR = timedelta(hours=1)
