"""The topics: one commented table. With Kafka they are topics; without, partitions of the log table."""

from dataclasses import dataclass
from datetime import timedelta

PARTITIONS = 12
"""By default; a topic's number of partitions never falls."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A named, partitioned sequence of records.

    `kept` is how long a record stays readable; None: for ever. `key` says in words what orders and places records.
    """

    name: str
    key: str
    kept: timedelta | None


INBOUND = Topic("leads.inbound.v1", "keyed hash of the person where known (locality, not order)", timedelta(days=14))
OUTBOUND = Topic("leads.outbound.v1", "keyed hash of the person where known (locality, not order)", timedelta(days=14))
LIFECYCLE = Topic("leads.lifecycle.v1", "lead id", None)
SIGNALS = Topic("queues.signals.v1", "queue", timedelta(days=7))

TOPICS = (INBOUND, OUTBOUND, LIFECYCLE, SIGNALS)
BY_NAME = {topic.name: topic for topic in TOPICS}
