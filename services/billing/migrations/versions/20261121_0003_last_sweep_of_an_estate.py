"""Billing: find an estate's newest sweep at once (D1).

Revision ID: billing_0003
"""

from alembic import op

revision = "billing_0003"
down_revision = "billing_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index that begins with the estate."""
    op.create_index("dunning_sweep_slice_estate_idx", "dunning_sweep_slice", ["estate_id", "finished_at"])


def downgrade() -> None:
    """Without it."""
    op.drop_index("dunning_sweep_slice_estate_idx", "dunning_sweep_slice")
