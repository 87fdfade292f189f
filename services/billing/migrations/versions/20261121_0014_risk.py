"""Billing: arrears risk (D7).

Revision ID: billing_0014
"""

revision = "billing_0014"
down_revision = "billing_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
