"""Billing: credit that is kept for a refund pays nothing until the refund is settled (B6).

Revision ID: billing_0019
"""

from alembic import op

revision = "billing_0019"
down_revision = "billing_0018"
branch_labels = None
depends_on = None

RESERVED = """
ALTER TABLE household ADD COLUMN reserved_fen BIGINT DEFAULT '0' NOT NULL;
ALTER TABLE household ADD CONSTRAINT household_reserved_fen_check CHECK (reserved_fen BETWEEN 0 AND credit_fen)
"""


def upgrade() -> None:
    """Nothing is reserved yet."""
    op.execute(RESERVED)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
