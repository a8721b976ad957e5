"""Deals: tasks, and what becomes of customers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def _id(name: str, *, null: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(collation="C"), nullable=null)


def _value() -> "tuple[sa.Column[int], sa.Column[str]]":
    return (
        sa.Column("value_amount", sa.BigInteger(), nullable=False),
        sa.Column("value_currency", sa.Text(), nullable=False),
    )


def upgrade() -> None:
    op.add_column("items", _id("task_id", null=True), schema="routing")
    op.add_column("opportunities", _id("closed_by", null=True), schema="routing")
    for column in (
        _id("item_id", null=True),
        sa.Column("deployed_at", TIME),
        sa.Column("churned_at", TIME),
        sa.Column("reason", sa.Text()),
    ):
        op.add_column("customers", column, schema="routing")
    op.create_table(
        "expansions",
        _id("customer_id"),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", TIME, nullable=False),
        *_value(),
        sa.PrimaryKeyConstraint("customer_id", "seq"),
        schema="routing",
    )
    op.create_table(
        "renewals",
        _id("customer_id"),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        *_value(),
        sa.PrimaryKeyConstraint("customer_id", "seq"),
        schema="routing",
    )
    op.create_table(
        "tasks",
        _id("id"),
        _id("lead_id"),
        _id("item_id"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("needed_by", TIME),
        _id("raised_by"),
        sa.Column("raised_at", TIME, nullable=False),
        _id("opportunity_id", null=True),
        _id("customer_id", null=True),
        sa.Column("closed_at", TIME),
        sa.Column("result", JSONB()),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    for of in ("opportunity", "customer"):
        op.create_index(
            f"tasks_{of}",
            "tasks",
            [f"{of}_id"],
            schema="routing",
            postgresql_where=sa.text(f"{of}_id IS NOT NULL"),
        )
