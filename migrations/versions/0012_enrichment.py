"""Enrichment: leads that wait for a hook's answer, and the answer beside what they say."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("leads", sa.Column("data_deadline", TIME), schema="routing")
    op.add_column("leads", sa.Column("data_next_at", TIME), schema="routing")
    op.add_column(
        "leads", sa.Column("data_tries", sa.Integer(), server_default=sa.text("0"), nullable=False), schema="routing"
    )
    op.add_column("lead_details", sa.Column("enriched", postgresql.JSONB()), schema="routing")
    for name, column in (("leads_asking", "data_next_at"), ("leads_awaiting", "data_deadline")):
        op.create_index(
            name,
            "leads",
            [column],
            schema="routing",
            postgresql_where=sa.text("state = 'awaiting_data'"),
        )
