"""Schema `policy`."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA policy")
    op.create_table(
        "versions",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False, comment="SHA-256 of yaml"),
        sa.Column("yaml", sa.Text, nullable=False, comment="as published, comments and all"),
        sa.Column("message", sa.Text),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        schema="policy",
    )
