"""Up to which day the books of an estate are closed (B8)."""

import sqlalchemy as sa
from alembic import op

revision = "payments_0002"
down_revision = "payments_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "closed_books",
        sa.Column("estate", sa.Text, primary_key=True),
        sa.Column("last_day", sa.Date, nullable=False),
    )
