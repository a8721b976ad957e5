"""What counts for or against somebody; of which opportunity or customer a fact is, and who did it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("facts", sa.Column("opportunity_id", sa.Text(collation="C")), schema="metrics")
    op.add_column("facts", sa.Column("customer_id", sa.Text(collation="C")), schema="metrics")
    op.add_column("facts", sa.Column("actor", sa.Text()), schema="metrics")
    op.create_index("facts_of_kind", "facts", ["kind", "at", "lead_id", "seq"], schema="metrics")
    op.create_index(
        "facts_customer",
        "facts",
        ["customer_id"],
        schema="metrics",
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    op.create_table(
        "deeds",
        sa.Column("lead_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("at", TIME, nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("direction", "source", "queue", "desk", "segment", "rep", "word")),
        sa.Column("share", sa.Double()),
        sa.Column("amount", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("opportunity_id", sa.Text(collation="C")),
        sa.Column("customer_id", sa.Text(collation="C")),
        sa.Column("actor", sa.Text()),
        sa.Column("voided_at", TIME),
        schema="metrics",
    )
    op.create_index("deeds_standing", "deeds", ["at"], schema="metrics", postgresql_where=sa.text("voided_at IS NULL"))
    op.create_index("deeds_of_kind", "deeds", ["kind", "at", "lead_id", "seq"], schema="metrics")
    op.create_index(
        "deeds_held", "deeds", ["customer_id", "at"], schema="metrics", postgresql_where=sa.text("kind = 'held'")
    )
