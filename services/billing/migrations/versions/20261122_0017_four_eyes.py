"""Billing: four eyes over a waiver are a line of the matrix; with a resolution the manager may grant it too (C2).

Revision ID: billing_0017
"""

from alembic import op

revision = "billing_0017"
down_revision = "billing_0016"
branch_labels = None
depends_on = None

MATRIX = """
ALTER TABLE waiver_authority ADD COLUMN four_eyes BOOLEAN DEFAULT false NOT NULL;
UPDATE waiver_authority SET roles = '{estate_manager,finance,group_admin}'
WHERE estate_id = 0 AND roles = '{group_admin,finance}' AND needs_resolution;
"""


def upgrade() -> None:
    """Add the column, and the manager to the group's last lines as they came with the product."""
    op.execute(MATRIX)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
