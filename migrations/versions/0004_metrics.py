"""Schema `metrics`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA metrics")
    op.create_table(
        "facts",
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("desk", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("rep", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("lead_id", "seq", "kind"),
        schema="metrics",
    )
    op.create_index(
        "facts_standing", "facts", ["at"], unique=False, schema="metrics", postgresql_where=sa.text("voided_at IS NULL")
    )
    op.create_index(
        "facts_worth",
        "facts",
        ["lead_id"],
        unique=False,
        schema="metrics",
        postgresql_where=sa.text("voided_at IS NULL AND amount IS NOT NULL"),
    )
    op.create_table(
        "freshness",
        sa.Column("one", sa.Integer(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("one = 1", name="freshness_one_row"),
        sa.PrimaryKeyConstraint("one"),
        schema="metrics",
    )
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("known", JSONB, nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("desk", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("rep", sa.Text(), nullable=True),
        sa.Column("desks", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("merged_into", sa.Text(collation="C"), nullable=True),
        sa.Column("reached", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        schema="metrics",
    )
    op.create_index(
        "leads_captured", "leads", ["captured_at"], unique=False, schema="metrics", postgresql_where=sa.text("NOT test")
    )
    op.create_index(
        "leads_merged_into",
        "leads",
        ["merged_into"],
        unique=False,
        schema="metrics",
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index(
        "leads_source", "leads", ["source"], unique=False, schema="metrics", postgresql_where=sa.text("NOT test")
    )
    op.create_table(
        "queues",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("measures", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("queue"),
        schema="metrics",
    )
    op.create_table(
        "revisions",
        sa.Column("one", sa.Integer(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.CheckConstraint("one = 1", name="revisions_one_row"),
        sa.PrimaryKeyConstraint("one"),
        schema="metrics",
    )
    op.create_table(
        "series",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("record", JSONB, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("revision"),
        schema="metrics",
    )
    op.create_index("series_slot", "series", ["topic", "slot"], unique=False, schema="metrics")
    op.create_table(
        "stale",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("quarter", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="metrics",
    )
    op.create_table(
        "timings",
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("desk", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("rep", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("lead_id", "seq", "clock"),
        schema="metrics",
    )
    op.create_index("timings_started", "timings", ["at"], unique=False, schema="metrics")

    op.execute("INSERT INTO metrics.revisions DEFAULT VALUES")
