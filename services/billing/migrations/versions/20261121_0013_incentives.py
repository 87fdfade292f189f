"""Billing: points, coupons, lottery tickets, credit level (C4).

Revision ID: billing_0013
"""

revision = "billing_0013"
down_revision = "billing_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
