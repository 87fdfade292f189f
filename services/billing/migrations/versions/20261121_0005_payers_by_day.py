"""Billing: who pays for a unit by day, co-owners, tenants, the owner file (A1, A2, A4).

Revision ID: billing_0005
"""

revision = "billing_0005"
down_revision = "billing_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
