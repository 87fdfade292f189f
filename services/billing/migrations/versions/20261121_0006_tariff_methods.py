"""Billing: tiers, grades, shared costs, cycles, one-off charges (B1, B3).

Revision ID: billing_0006
"""

revision = "billing_0006"
down_revision = "billing_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
