"""Absence: covers, what they go on with, meetings of which nobody said what came, and counts for targets."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "reps",
        sa.Column("covers", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        schema="routing",
    )
    op.create_index("reps_covers", "reps", ["covers"], schema="routing", postgresql_using="gin")
    op.add_column("items", sa.Column("carried_from", sa.Text(collation="C")), schema="routing")
    op.create_index(
        "items_carried",
        "items",
        ["carried_from"],
        schema="routing",
        postgresql_where=sa.text("carried_from IS NOT NULL"),
    )
    op.create_index("attempts_of_rep", "attempts", ["rep_id", "at"], schema="routing")
    op.add_column("meetings", sa.Column("rep_id", sa.Text(collation="C")), schema="routing")
    op.add_column("meetings", sa.Column("asked_at", TIME), schema="routing")
    op.create_index(
        "meetings_unrecorded",
        "meetings",
        ["at"],
        schema="routing",
        postgresql_where=sa.text("state = 'booked' AND asked_at IS NULL"),
    )
    op.create_index(
        "meetings_held", "meetings", ["rep_id", "at"], schema="routing", postgresql_where=sa.text("state = 'held'")
    )
