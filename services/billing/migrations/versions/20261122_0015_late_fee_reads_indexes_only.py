"""Billing: the late fee of a group is read from indexes alone (C1).

Revision ID: billing_0015
"""

from alembic import op

revision = "billing_0015"
down_revision = "billing_0014"
branch_labels = None
depends_on = None

INDEXES = """
DROP INDEX bill_late_fee_moved_idx;
CREATE INDEX bill_late_fee_moved_idx ON bill (estate_id, id)
    INCLUDE (household_id, amount_fen, due_date, paid_fen, waived_fen)
    WHERE voided_at IS NULL AND amount_fen > paid_fen + waived_fen
      AND NOT late_fee_apart AND (paid_fen > 0 OR waived_fen > 0);
CREATE INDEX bill_late_fee_unmoved_idx ON bill (estate_id, due_date) INCLUDE (amount_fen)
    WHERE voided_at IS NULL AND NOT late_fee_apart AND paid_fen = 0 AND waived_fen = 0;
"""


def upgrade() -> None:
    """Create them."""
    op.execute(INDEXES)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
