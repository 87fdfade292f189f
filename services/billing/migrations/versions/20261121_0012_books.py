"""Billing: month close, quarter settlement, fund ledger (B2, B8).

Revision ID: billing_0012
"""

revision = "billing_0012"
down_revision = "billing_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
