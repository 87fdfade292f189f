"""Billing: waivers, voids, refunds of surplus (B5, B6, C2).

Revision ID: billing_0007
"""

revision = "billing_0007"
down_revision = "billing_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
