"""The envelope: CloudEvents 1.0 in Kafka's binary mode, `ce_*` headers beside a JSON value.

Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Envelope:
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
    pairs = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time,
        "dataschema": envelope.dataschema,
        "partitionkey": envelope.subject,
        "correlationid": envelope.correlationid,
        "traceparent": envelope.traceparent,
    }
    written = tuple((f"ce_{key}", value.encode()) for key, value in pairs.items() if value is not None)
    return (("content-type", b"application/json"), *written)


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
