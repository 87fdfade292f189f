"""Billing: ladder, causes, disputes, efficiency (D1, D2, D3, D8).

Revision ID: billing_0009
"""

revision = "billing_0009"
down_revision = "billing_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
