"""Tables of the schemas `log` (records, positions, looks, dead letters) and `access` (keys, stored answers)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("one", Integer, primary_key=True, server_default=text("1"), autoincrement=False),
    Column("identity", Text, nullable=False, comment="which log this is; positions count in one log only"),
    Column("event_log", Text, nullable=False, server_default=text("'postgres'"), comment="where consumers read"),
    Column("fingerprint", LargeBinary, comment="of LEADGATE_SECRET, which never changes; null until the first start"),
    CheckConstraint("one = 1", name="meta_one_row"),
    CheckConstraint("event_log IN ('postgres', 'kafka')", name="meta_event_log"),
    schema="log",
)

partitions = Table(
    "partitions",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False, server_default=text("0"), comment="of the next record appended"),
    Column("first_offset", BigInteger, nullable=False, server_default=text("0"), comment="of the oldest record kept"),
    CheckConstraint("0 <= first_offset AND first_offset <= next_offset", name="partitions_order"),
    schema="log",
)

records = Table(
    "records",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("appended_at", DateTime(timezone=True), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, comment="JSON; null is a tombstone"),
    Column("headers", JSONB, nullable=False, comment="pairs, see services/runtime/log/headers.py"),
    Column(
        "parked",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="refused by Kafka: its key waits",
    ),
    Index("records_parked", "topic", "partition", "key", postgresql_where=text("parked")),
    schema="log",
)

leaders = Table(
    "leaders",
    metadata,
    Column("name", Text, primary_key=True, comment="of the work that one process does at a time"),
    Column("owner", Text, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False, comment="when another may take over"),
    schema="log",
)

positions = Table(
    "positions",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False, comment="the next offset to read"),
    Column("log", Text, nullable=False, comment="identity of the log in which the position counts"),
    Column("brake", JSONB, comment="how many bad records came lately; null when none"),
    Column("stopped", Text, comment="why this partition stands still until `consumer resume`"),
    Column("detail", Text, comment="what stopped it, in words"),
    Column("owner", Text, comment="the process that moved it last"),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("stopped IN ('brake', 'gap')", name="positions_stopped"),
    schema="log",
)

looks = Table(
    "looks",
    metadata,
    Column("name", Text, primary_key=True, comment="who looks, and tells the log what it finds"),
    Column("at", DateTime(timezone=True), nullable=False, comment="all that stood then is told"),
    schema="log",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("consumer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Column("failed_at", DateTime(timezone=True), nullable=False),
    Column("replayed_at", DateTime(timezone=True)),
    Index("dead_letters_by_age", "failed_at"),
    schema="log",
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text),
    Column("digest", LargeBinary, nullable=False, comment="keyed hash of the secret, which is kept nowhere"),
    Column("hint", Text, nullable=False, comment="the secret's last characters, to tell keys apart"),
    Column("source", Text),
    Column("rep_id", Text),
    Column("desks", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="of a manager; empty: all"),
    Column("origins", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("thank_you", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("error_pages", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    UniqueConstraint("digest", name="keys_digest"),
    CheckConstraint("kind IN ('form', 'service', 'rep', 'manager', 'admin')", name="keys_kind"),
    Index("keys_live_of_source", "source", "kind", postgresql_where=text("revoked_at IS NULL AND source IS NOT NULL")),
    Index("keys_live_of_rep", "rep_id", postgresql_where=text("revoked_at IS NULL AND rep_id IS NOT NULL")),
    schema="access",
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, comment="of the body"),
    Column("status", SmallInteger, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("idempotency_by_age", "created_at"),
    schema="access",
)
