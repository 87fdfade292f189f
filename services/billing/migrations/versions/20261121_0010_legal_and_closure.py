"""Billing: suit gate, limitation, evidence, closure programme (D4, D6).

Revision ID: billing_0010
"""

revision = "billing_0010"
down_revision = "billing_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
