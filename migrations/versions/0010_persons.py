"""Persons and accounts: relations, what a manager has parted, opt-outs by their ids, who is erased."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.Text(collation="C")


def upgrade() -> None:
    op.add_column("persons", sa.Column("family", ID), schema="routing")
    op.add_column("accounts", sa.Column("relation", sa.Text()), schema="routing")
    op.add_column("accounts", sa.Column("parted_from", ID), schema="routing")
    op.drop_constraint("accounts_domain_key", "accounts", schema="routing")
    op.create_index(
        "accounts_domain",
        "accounts",
        ["domain"],
        unique=True,
        schema="routing",
        postgresql_where=sa.text("parted_from IS NULL"),
    )
    op.create_table(
        "parted",
        sa.Column("person_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("of_account", ID, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "account_id"),
        schema="routing",
    )
    op.create_table(
        "erased",
        sa.Column("lead_id", ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
        schema="routing",
    )
    op.drop_index("suppressions_once", "suppressions", schema="routing")
    op.drop_constraint("suppressions_pkey", "suppressions", schema="routing")
    op.create_primary_key("suppressions_pkey", "suppressions", ["kind", "digest", "channel"], schema="routing")
    op.create_index("suppressions_id", "suppressions", ["id"], schema="routing")
    op.add_column("opportunities", sa.Column("account_id", ID), schema="routing")
    op.execute(
        "UPDATE routing.opportunities AS deal SET account_id = lead.account_id"
        " FROM routing.leads AS lead WHERE lead.id = deal.lead_id"
    )
    op.create_index(
        "opportunities_open",
        "opportunities",
        ["account_id"],
        schema="routing",
        postgresql_where=sa.text("state = 'open' AND account_id IS NOT NULL"),
    )
    op.create_index("customers_account", "customers", ["account_id"], schema="routing")
