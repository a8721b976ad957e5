"""The envelope: CloudEvents 1.0 in Kafka's binary mode, `ce_*` headers beside a JSON value.

Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2.
"""

from collections.abc import Iterable
from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


class Envelope(NamedTuple):
    """What an event says of itself beside its data."""

    id: str
    type: str
    source: str
    """The process that wrote it, as `/leadgate/router`."""
    subject: str
    """The record's key: lead id (lifecycle), queue (signals)."""
    time: str
    dataschema: str
    correlationid: str | None = None
    """The request that began it all; it goes with everything that follows."""
    traceparent: str | None = None


def to_headers(envelope: Envelope) -> Headers:
    """Lay an envelope out as record headers."""
    told: Headers = (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_subject", envelope.subject.encode()),
        ("ce_time", envelope.time.encode()),
        ("ce_dataschema", envelope.dataschema.encode()),
        ("ce_partitionkey", envelope.subject.encode()),
    )
    if envelope.correlationid is not None:
        told = (*told, ("ce_correlationid", envelope.correlationid.encode()))
    if envelope.traceparent is not None:
        told = (*told, ("ce_traceparent", envelope.traceparent.encode()))
    return told


def from_headers(headers: Iterable[tuple[str, bytes]]) -> Envelope:
    """Read an envelope. Raises: ValueError where `ce_id` or `ce_type` is missing or is no UTF-8."""
    got = {key: value.decode() for key, value in headers if key.startswith("ce_") and value is not None}
    for needed in ("ce_id", "ce_type"):
        if not got.get(needed):
            raise ValueError(f"the record has no header {needed}")
    return Envelope(
        id=got["ce_id"],
        type=got["ce_type"],
        source=got.get("ce_source", ""),
        subject=got.get("ce_subject", ""),
        time=got.get("ce_time", ""),
        dataschema=got.get("ce_dataschema", ""),
        correlationid=got.get("ce_correlationid"),
        traceparent=got.get("ce_traceparent"),
    )
