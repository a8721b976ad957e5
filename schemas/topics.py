"""The topics: one commented table. With Kafka they are topics; without, partitions of the log table."""

from dataclasses import dataclass
from datetime import timedelta

PARTITIONS = 12
"""By default; a topic's number of partitions never falls."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A named, partitioned sequence of records.

    `kept` is how long a record stays readable; None: for ever. `key` says in words what orders and places records.
    `compacted`: only the latest record of a key stays, and Kafka alone holds it, for others to consume.
    """

    name: str
    key: str
    kept: timedelta | None
    compacted: bool = False
    ordered: bool = False
    """Records of a key are in order for ever, so that the topic keeps the number of partitions it was made with."""


INBOUND = Topic("leads.inbound.v1", "keyed hash of the person where known (locality, not order)", timedelta(days=14))
OUTBOUND = Topic("leads.outbound.v1", "keyed hash of the person where known (locality, not order)", timedelta(days=14))
LIFECYCLE = Topic("leads.lifecycle.v1", "lead id", None, ordered=True)
SIGNALS = Topic("queues.signals.v1", "queue", timedelta(days=7))
FUNNEL = Topic("metrics.funnel.v1", "series", None, compacted=True, ordered=True)
SPEED = Topic("metrics.speed-to-lead.v1", "series", None, compacted=True, ordered=True)
QUEUES = Topic("metrics.queues.v1", "series", None, compacted=True, ordered=True)

INTAKE = (INBOUND, OUTBOUND)
"""What the router reads, and what is accepted is counted in."""
TOPICS = (*INTAKE, LIFECYCLE, SIGNALS)
"""What is appended to, and read by, the processes."""
SERIES = (FUNNEL, SPEED, QUEUES)
"""What is published with Kafka, beside."""
BY_NAME = {topic.name: topic for topic in TOPICS}
