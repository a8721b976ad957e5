"""Schemas `log` and `access`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA log")
    op.execute("CREATE SCHEMA access")
    op.create_table(
        "meta",
        sa.Column("one", sa.Integer, primary_key=True, server_default=sa.text("1"), autoincrement=False),
        sa.Column("identity", sa.Text, nullable=False, comment="which log this is; positions count in one log only"),
        sa.Column(
            "fingerprint", sa.LargeBinary, comment="of LEADGATE_SECRET, which never changes; null until the first start"
        ),
        sa.CheckConstraint("one = 1", name="meta_one_row"),
        schema="log",
    )
    op.execute("INSERT INTO log.meta (identity) VALUES (gen_random_uuid()::text)")
    op.create_table(
        "partitions",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "next_offset",
            sa.BigInteger,
            nullable=False,
            server_default=sa.text("0"),
            comment="of the next record appended",
        ),
        sa.Column(
            "first_offset",
            sa.BigInteger,
            nullable=False,
            server_default=sa.text("0"),
            comment="of the oldest record kept",
        ),
        sa.CheckConstraint("0 <= first_offset AND first_offset <= next_offset", name="partitions_order"),
        schema="log",
    )
    op.create_table(
        "records",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary, comment="JSON; null is a tombstone"),
        sa.Column("headers", JSONB, nullable=False, comment="pairs, see services/runtime/log/headers.py"),
        schema="log",
    )
    op.create_table(
        "positions",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False, comment="the next offset to read"),
        sa.Column("log", sa.Text, nullable=False, comment="identity of the log in which the position counts"),
        sa.Column("brake", JSONB, comment="how many bad records came lately; null when none"),
        sa.Column("stopped", sa.Text, comment="why this partition stands still until `consumer resume`"),
        sa.Column("detail", sa.Text, comment="what stopped it, in words"),
        sa.Column("owner", sa.Text, comment="the process that moved it last"),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stopped IN ('brake', 'gap')", name="positions_stopped"),
        schema="log",
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True)),
        schema="log",
    )
    op.create_index("dead_letters_by_age", "dead_letters", ["failed_at"], schema="log")
    op.create_table(
        "keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("digest", sa.LargeBinary, nullable=False, comment="keyed hash of the secret, which is kept nowhere"),
        sa.Column("hint", sa.Text, nullable=False, comment="the secret's last characters, to tell keys apart"),
        sa.Column("source", sa.Text),
        sa.Column("rep_id", sa.Text),
        sa.Column(
            "desks", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"), comment="of a manager; empty: all"
        ),
        sa.Column("origins", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("thank_you", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("error_pages", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("digest", name="keys_digest"),
        sa.CheckConstraint("kind IN ('form', 'service', 'rep', 'manager', 'admin')", name="keys_kind"),
        schema="access",
    )
    op.create_index(
        "keys_live_of_source",
        "keys",
        ["source", "kind"],
        schema="access",
        postgresql_where=sa.text("revoked_at IS NULL AND source IS NOT NULL"),
    )
    op.create_index(
        "keys_live_of_rep",
        "keys",
        ["rep_id"],
        schema="access",
        postgresql_where=sa.text("revoked_at IS NULL AND rep_id IS NOT NULL"),
    )
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("method", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False, comment="of the body"),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        schema="access",
    )
    op.create_index("idempotency_by_age", "idempotency", ["created_at"], schema="access")
