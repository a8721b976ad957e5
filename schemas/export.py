"""Write the contracts out: a JSON Schema for each event, and AsyncAPI 3 for the topics, to `schemas/exported/`.

`make fmt` runs `python -m schemas.export`; a test fails when what is exported differs from the models.
"""

import json
from pathlib import Path
from typing import Any

from schemas.events.every import LIFECYCLE_EVENTS, SIGNALS
from schemas.events.intake import LeadSubmitted
from schemas.events.series import ClockDay, FunnelCell, QueueNow, Version
from schemas.events.signals import Signal
from schemas.events.stamp import LifecycleEvent, Stamp
from schemas.topics import FUNNEL, INBOUND, LIFECYCLE, OUTBOUND, QUEUES, SERIES, SPEED, TOPICS, Topic
from schemas.topics import SIGNALS as SIGNALS_TOPIC

Event = LeadSubmitted | LifecycleEvent | Signal | Version
EVENTS: tuple[type[Event], ...] = (LeadSubmitted, *LIFECYCLE_EVENTS, *SIGNALS, FunnelCell, ClockDay, QueueNow)

EXPORTED = Path(__file__).parent / "exported"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

HEADERS = {
    "content-type": "Always `application/json`.",
    "ce_specversion": "Always `1.0`.",
    "ce_id": "The event's id, `evt_…`; the same when an append was repeated.",
    "ce_source": "The process that wrote it, as `/leadgate/router`.",
    "ce_type": "`leadgate.<name>.v1`.",
    "ce_subject": "The record's key.",
    "ce_time": "When it happened: RFC 3339, UTC, milliseconds.",
    "ce_dataschema": "The JSON Schema of the value, as `/schemas/item.queued.v1.json`.",
    "ce_partitionkey": "The record's key.",
    "ce_correlationid": "The request that began it all, where known.",
    "ce_traceparent": "W3C trace context, where known.",
}


def documents() -> dict[str, str]:
    """All exported files: name → text, in a stable order."""
    files = {f"{name}.v1.json": schema for name, schema in schemas().items()}
    files["asyncapi.json"] = asyncapi()
    return {name: json.dumps(body, indent=1, ensure_ascii=False) + "\n" for name, body in sorted(files.items())}


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each event's value, by event name."""
    return {event.NAME: _schema(event) for event in EVENTS}


def _schema(event: type[Event]) -> dict[str, Any]:
    body = event.model_json_schema(mode="serialization")
    if issubclass(event, LifecycleEvent):
        stamp = Stamp.model_json_schema(mode="serialization")
        body["properties"] = {**stamp["properties"], **body.get("properties", {})}
        body["required"] = [*stamp["required"], *body.get("required", [])]
        body["$defs"] = {**stamp.get("$defs", {}), **body.get("$defs", {})}
    return {"$schema": DIALECT, "$id": f"/schemas/{event.NAME}.v1.json", "title": event.NAME} | {
        key: body[key] for key in sorted(body) if key != "title"
    }


def asyncapi() -> dict[str, Any]:
    """The topics as AsyncAPI 3. Source: AsyncAPI specification 3.0.0."""
    of_topic: dict[str, list[str]] = {
        INBOUND.name: [LeadSubmitted.NAME],
        OUTBOUND.name: [LeadSubmitted.NAME],
        LIFECYCLE.name: [event.NAME for event in LIFECYCLE_EVENTS],
        SIGNALS_TOPIC.name: [signal.NAME for signal in SIGNALS],
        FUNNEL.name: [FunnelCell.NAME],
        SPEED.name: [ClockDay.NAME],
        QUEUES.name: [QueueNow.NAME],
    }
    topics = (*TOPICS, *SERIES)
    channels = {
        topic.name: {
            "address": topic.name,
            "description": f"Key: {topic.key}. Kept: {_kept(topic)}.",
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in of_topic[topic.name]},
        }
        for topic in topics
    }
    messages = {
        name: {
            "name": f"leadgate.{name}.v1",
            "title": name,
            "summary": schema.get("description", name).split("\n")[0],
            "contentType": "application/json",
            "headers": {"$ref": "#/components/schemas/cloudevents-headers"},
            "payload": {"$ref": f"./{name}.v1.json"},
        }
        for name, schema in schemas().items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Leadgate events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in Kafka's binary mode. Readers keep what they do not know.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"read-{topic.name}": {"action": "receive", "channel": {"$ref": f"#/channels/{topic.name}"}}
            for topic in topics
        },
        "components": {
            "messages": messages,
            "schemas": {
                "cloudevents-headers": {
                    "type": "object",
                    "properties": {
                        name: {"type": "string", "description": meaning} for name, meaning in HEADERS.items()
                    },
                    "required": ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type"],
                }
            },
        },
    }


def _kept(topic: Topic) -> str:
    if topic.compacted:
        return "of each key the latest (compacted); a record without a value withdraws its key. With Kafka only"
    return f"{topic.kept.days} days" if topic.kept else "for ever"


def write() -> None:
    """Make `exported/` hold exactly these files."""
    EXPORTED.mkdir(exist_ok=True)
    files = documents()
    for stale in EXPORTED.glob("*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (EXPORTED / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
