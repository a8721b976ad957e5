"""Schema `metrics`: the one definition of its tables."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="metrics")

TIME = DateTime(timezone=True)


def _dims() -> "tuple[Column[str], ...]":
    """Under what something counts; null: under none. `desk` is the queue's."""
    return tuple(Column(name, Text) for name in ("direction", "source", "queue", "desk", "segment", "rep"))


# A lead as folded from its story. The columns beside `known` repeat what questions by cohort look at: the dimensions
# are the first queue, segment and holder.
leads = Table(
    "leads",
    metadata,
    Column("lead_id", Text(collation="C"), primary_key=True),
    Column("known", JSONB),  # null: only named by another's story so far
    Column("captured_at", TIME),
    Column("test", Boolean, nullable=False, server_default=sql("false")),
    *_dims(),
    Column("desks", ARRAY(Text), nullable=False, server_default=sql("'{}'")),  # where it has, or once had, a place
    Column("merged_into", Text(collation="C")),
    Column("reached", Integer, nullable=False, server_default=sql("0")),  # one bit for each kind of fact
    Index("leads_source", "source", postgresql_where=sql("NOT test")),
    Index("leads_captured", "captured_at", postgresql_where=sql("NOT test")),
    Index("leads_merged_into", "merged_into", postgresql_where=sql("merged_into IS NOT NULL")),
)

# One row for each thing that happened. What was taken back stays, with the time at which it was.
facts = Table(
    "facts",
    metadata,
    Column("lead_id", Text(collation="C"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("at", TIME, nullable=False),
    *_dims(),
    Column("amount", BigInteger),  # minor units
    Column("currency", Text),
    Column("opportunity_id", Text(collation="C")),
    Column("customer_id", Text(collation="C")),
    Column("actor", Text),  # a rep, or a manager's or admin's key
    Column("voided_at", TIME),
    Index("facts_standing", "at", postgresql_where=sql("voided_at IS NULL")),
    Index("facts_worth", "lead_id", postgresql_where=sql("voided_at IS NULL AND amount IS NOT NULL")),
    Index("facts_of_kind", "kind", "at", "lead_id", "seq"),
    Index("facts_customer", "customer_id", postgresql_where=sql("customer_id IS NOT NULL")),
)

# One row for each thing that counts for or against somebody: what scorecards, fairness and promises are made of.
deeds = Table(
    "deeds",
    metadata,
    Column("lead_id", Text(collation="C"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("at", TIME, nullable=False),
    *_dims(),
    Column("word", Text),  # which: a reason, an outcome
    Column("share", Double),  # of a win
    Column("amount", BigInteger),  # minor units
    Column("currency", Text),
    Column("opportunity_id", Text(collation="C")),
    Column("customer_id", Text(collation="C")),
    Column("actor", Text),
    Column("voided_at", TIME),
    Index("deeds_standing", "at", postgresql_where=sql("voided_at IS NULL")),
    Index("deeds_of_kind", "kind", "at", "lead_id", "seq"),
    Index("deeds_held", "customer_id", "at", postgresql_where=sql("kind = 'held'")),
)

# One row for each clock that was started; it counts at `at`.
timings = Table(
    "timings",
    metadata,
    Column("lead_id", Text(collation="C"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("clock", Text, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("took_ms", BigInteger),  # null: it runs
    Column("due_at", TIME),
    *_dims(),
    Index("timings_started", "at"),
)

# The latest measures of each queue.
queues = Table(
    "queues",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("measured_at", TIME, nullable=False),
    Column("measures", JSONB, nullable=False),
)

# The latest version of each series. `slot` is what is recomputed together: a quarter of an hour, a day, a queue.
series = Table(
    "series",
    metadata,
    Column("key", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("record", JSONB),  # null: withdrawn
    Column("revision", BigInteger, nullable=False, unique=True),
    Index("series_slot", "topic", "slot"),
)

# What changed since the series were last recomputed. Rows are only added and deleted, so that writers never wait.
stale = Table(
    "stale",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("quarter", TIME),  # start of the quarter of an hour in which facts or timings changed
    Column("queue", Text),  # measured anew
)

# One row. Whoever recomputes holds it, so that revisions are committed in their order.
revisions = Table(
    "revisions",
    metadata,
    Column("one", Integer, primary_key=True, server_default=sql("1"), autoincrement=False),
    Column("last", BigInteger, nullable=False, server_default=sql("0")),
    Column("zone", Text),  # the zone whose days the clocks are kept for
    CheckConstraint("one = 1", name="revisions_one_row"),
)

# One row: up to which revision the series are published, with Kafka.
published = Table(
    "published",
    metadata,
    Column("one", Integer, primary_key=True, server_default=sql("1"), autoincrement=False),
    Column("revision", BigInteger, nullable=False, server_default=sql("0")),
    Column("logs", ARRAY(Text), nullable=False, server_default=sql("'{}'")),  # identities of the topics filled so far
    CheckConstraint("one = 1", name="published_one_row"),
)

# One row: all committed before `as_of` is counted.
freshness = Table(
    "freshness",
    metadata,
    Column("one", Integer, primary_key=True, server_default=sql("1"), autoincrement=False),
    Column("as_of", TIME, nullable=False),
    CheckConstraint("one = 1", name="freshness_one_row"),
)
