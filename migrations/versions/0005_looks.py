"""Up to when somebody has looked, and told the log of it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("name", sa.Text(), nullable=False, comment="who looks, and tells the log what it finds"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="all that stood then is told"),
        sa.PrimaryKeyConstraint("name"),
        schema="log",
    )
