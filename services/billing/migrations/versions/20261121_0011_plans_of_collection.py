"""Billing: rollups by household, collection targets, early warnings (J1, J3).

Revision ID: billing_0011
"""

revision = "billing_0011"
down_revision = "billing_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
