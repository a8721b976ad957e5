"""Which log it is, what Kafka refused, who leads, and how far the series are published."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "meta",
        sa.Column(
            "event_log", sa.Text(), server_default=sa.text("'postgres'"), nullable=False, comment="where consumers read"
        ),
        schema="log",
    )
    op.create_check_constraint("meta_event_log", "meta", "event_log IN ('postgres', 'kafka')", schema="log")
    op.add_column(
        "records",
        sa.Column(
            "parked",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="refused by Kafka: its key waits",
        ),
        schema="log",
    )
    op.create_index(
        "records_parked",
        "records",
        ["topic", "partition", "key"],
        schema="log",
        postgresql_where=sa.text("parked"),
    )
    op.create_table(
        "leaders",
        sa.Column("name", sa.Text(), nullable=False, comment="of the work that one process does at a time"),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="when another may take over"),
        sa.PrimaryKeyConstraint("name"),
        schema="log",
    )
    op.create_table(
        "ledger",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("dead_lettered", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "hour"),
        schema="routing",
    )
    op.create_table(
        "published",
        sa.Column("one", sa.Integer(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("logs", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint("one = 1", name="published_one_row"),
        sa.PrimaryKeyConstraint("one"),
        schema="metrics",
    )
    op.execute("INSERT INTO metrics.published DEFAULT VALUES")
