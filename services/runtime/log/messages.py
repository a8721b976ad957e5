"""An event as a message: its envelope in the headers, its data as JSON."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from schemas.envelope import Envelope, to_headers
from schemas.events.stamp import Told, text_of
from schemas.topics import LIFECYCLE, SIGNALS, Topic
from services.runtime import trace
from services.runtime.ids import mint
from services.runtime.log.port import Message
from services.runtime.trace import Trace
from services.runtime.tx import Emission

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def message(
    topic: Topic,
    key: str,
    type_: str,
    data: Mapping[str, Any] | bytes | None,
    *,
    subject: str,
    at: datetime,
    follows: Trace | None = None,
    process: str | None = None,
) -> Message:
    """Write an event of CloudEvents type `type_`, which happened at `at`. It follows from what is followed here.

    Its data may be JSON already; without any it is a tombstone.
    """
    followed = follows or trace.current()
    envelope = Envelope(
        id=mint("evt", at),
        type=type_,
        source=f"/leadgate/{process or trace.process()}",
        subject=subject,
        time=text_of(at),
        dataschema=f"/schemas/{type_.removeprefix('leadgate.')}.json",
        correlationid=followed.correlation,
        traceparent=followed.traceparent,
    )
    value = data if data is None or isinstance(data, bytes) else _ENCODER.encode(data).encode()
    return Message(topic.name, key, value, to_headers(envelope))


def emitted(emission: Emission, now: datetime) -> Message:
    """Write what a transaction emitted: a lead's event under its lead, a signal under its queue."""
    event, follows, process = emission.event, emission.trace, emission.process
    if isinstance(event, Told):
        lead, type_, at = event.stamp.lead_id, event.event.type(), event.stamp.at
        return message(LIFECYCLE, lead, type_, event.json, subject=lead, at=at, follows=follows, process=process)
    data, queue = event.model_dump(mode="json"), event.queue
    return message(SIGNALS, queue, event.type(), data, subject=queue, at=now, follows=follows, process=process)
