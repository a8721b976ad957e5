"""Ingest by itself: its application, and what it has put into the log."""

import json
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from schemas.events.intake import LeadSubmitted
from schemas.topics import INBOUND, OUTBOUND
from services.ingest.process import build
from services.runtime.http.app import build_app
from services.runtime.log.port import Place, Record
from services.runtime.run import Edge

NDJSON = {"Content-Type": "application/x-ndjson"}
FOR_PROGRAMS = {"Accept": "application/json"}


def ingest(edge: Edge) -> FastAPI:
    """What `leadgate ingest` serves."""
    return build_app(edge, [build(edge)])


async def records(edge: Edge) -> list[Record]:
    """All that stands in the intake topics, in the order in which each partition has it."""

    async def start(place: Place) -> int:
        return 0

    async with edge.log.subscribe("test", [INBOUND, OUTBOUND], start) as subscription:
        return list((await subscription.poll(100_000, timedelta())).records)


async def submitted(edge: Edge) -> list[LeadSubmitted]:
    """The submissions in the log."""
    return [LeadSubmitted.model_validate_json(record.value or b"") for record in await records(edge)]


def ndjson(*lines: Any) -> bytes:
    """Lines of a batch: bytes as they are, all else as JSON."""
    return b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
