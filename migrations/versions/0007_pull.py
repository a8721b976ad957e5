"""The pull and the gate: hours of persons, escalation, live hand-over, returns in a week, forecasts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
OPEN = "state IN ('pooled', 'queued', 'claimed', 'snoozed', 'parked')"


def upgrade() -> None:
    for column in (
        sa.Column("escalate_at", TIME),
        sa.Column("escalates_by", sa.Text()),
        sa.Column("escalated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("out_of_hours", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("turns_at", TIME),
        sa.Column("person_hours", sa.Text()),
    ):
        op.add_column("items", column, schema="routing")
    for state in ("queued", "pooled"):
        op.drop_index(f"items_{state}", "items", schema="routing")
        op.create_index(
            f"items_{state}",
            "items",
            ["queue", "test", "out_of_hours", "rank_at", "id"],
            schema="routing",
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.drop_index("items_reserved", "items", schema="routing")
    op.create_index(
        "items_reserved",
        "items",
        ["reserved_for", "out_of_hours", "rank_at", "id"],
        schema="routing",
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "items_escalating",
        "items",
        ["escalate_at"],
        schema="routing",
        postgresql_where=sa.text(f"attempted_at IS NULL AND escalate_at IS NOT NULL AND {OPEN}"),
    )
    op.create_index(
        "items_turning",
        "items",
        ["turns_at"],
        schema="routing",
        postgresql_where=sa.text("turns_at IS NOT NULL AND state IN ('pooled', 'queued')"),
    )
    op.create_index("items_entered", "items", ["queued_at"], schema="routing", postgresql_using="brin")
    op.add_column("claims", sa.Column("returned_because", sa.Text()), schema="routing")
    op.add_column("claims", sa.Column("answer_by", TIME), schema="routing")
    op.create_index(
        "claims_returned",
        "claims",
        ["rep_id", "queue", "ended_at"],
        schema="routing",
        postgresql_where=sa.text("state = 'returned'"),
    )
    op.create_table(
        "waiting_pulls",
        sa.Column("rep_id", sa.Text(collation="C"), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("rep_id", "desk", "test"),
        schema="routing",
    )
    op.create_index("waiting_pulls_longest", "waiting_pulls", ["desk", "test", "since", "rep_id"], schema="routing")
    op.create_table(
        "forecasts",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("by", TIME, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("needs", sa.Integer(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("pool", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("came", sa.Integer()),
        sa.PrimaryKeyConstraint("queue", "day"),
        schema="routing",
    )
