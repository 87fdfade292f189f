"""Billing: instalment plans (C3).

Revision ID: billing_0008
"""

revision = "billing_0008"
down_revision = "billing_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
