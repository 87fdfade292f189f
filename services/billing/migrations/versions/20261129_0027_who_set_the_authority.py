"""Billing: who set how much goes by rule; nothing of that person's goes by it (FC1, ADR 18).

Revision ID: billing_0027
"""

from alembic import op

revision = "billing_0027"
down_revision = "billing_0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who set what stands now is not known."""
    op.execute("ALTER TABLE waiver_authority ADD COLUMN set_by TEXT")
    op.execute("ALTER TABLE void_authority ADD COLUMN set_by TEXT")


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
