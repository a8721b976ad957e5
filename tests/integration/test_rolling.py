"""A rolling deploy: a newer version says an event and fields that this one does not know. It keeps them, goes on."""

import json
from dataclasses import replace
from typing import Any

from kit.clock import ManualClock
from kit.routing import Routing
from kit.submissions import as_message, submission
from kit.tales import Tale
from kit.waiting import becomes, running
from sqlalchemy import func, select

from schemas.events.stamp import Told
from schemas.topics import LIFECYCLE
from services.metrics.process import build
from services.metrics.tables import facts, leads
from services.runtime import operations
from services.runtime.edge import Edge
from services.runtime.log.messages import message
from services.runtime.log.port import Message
from services.store import tables as t


def told(event: Told, type_: str | None = None, **added: Any) -> Message:
    """An event as a newer version may say it."""
    data = {**event.data(), **added}
    return message(
        LIFECYCLE,
        event.stamp.lead_id,
        type_ or event.event.type(),
        data,
        subject=event.stamp.lead_id,
        at=event.stamp.at,
    )


async def test_an_unknown_event_and_an_added_field_are_passed_over_and_what_follows_counts(
    kafka_edge: Edge, clock: ManualClock
) -> None:
    routing = Routing(kafka_edge)
    await routing.publish()
    received, unknown, decided = Tale(1).received().received().decided().told
    sent = as_message(submission(kafka_edge.keyring, clock.now(), "1", intent="demo", email="a@example.com"))
    sent = replace(sent, value=json.dumps({**json.loads(sent.value or b""), "mood": "good"}).encode())

    async def known() -> list[int]:
        async with kafka_edge.database.read() as tx:
            rows = await tx.fetch(select(leads.c.known).where(leads.c.lead_id == received.stamp.lead_id))
        return [row["known"]["seq"] for row in rows]

    async def counted() -> int:
        async with kafka_edge.database.read() as tx:
            return int(await tx.value(select(func.count()).select_from(facts)))

    metrics = build(kafka_edge).tasks["consumer"]
    async with running(metrics()), routing.running():  # type: ignore[arg-type]
        await kafka_edge.log.append(
            [told(received, mood="good"), told(unknown, "leadgate.lead.sung.v1", song="x"), told(decided, mood="good")]
        )
        await kafka_edge.log.append([sent])
        await becomes(known, [3])
        await routing.settle()
    assert await counted() > 0
    assert await operations.dead_letters(kafka_edge) == []
    assert kafka_edge.telemetry.story_gaps._value.get() == 0
    assert len(await routing.rows(select(t.leads))) == 1
