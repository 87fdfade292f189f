"""Payments: what an estate lets happen, what was said of a payment, and the newest word of billing about its places.

Transfers that wait already are waited for as long as new ones: from the day they were asked for.

Revision ID: payments_0003
"""

import sqlalchemy as sa
from alembic import op

revision = "payments_0003"
down_revision = "payments_0002"
branch_labels = None
depends_on = None

WAITING_TRANSFERS = """
UPDATE payment SET expires_at = created_at + INTERVAL '30 days', next_check_at = created_at + INTERVAL '30 days'
WHERE channel = 'transfer' AND status = 'pending'
"""


def upgrade() -> None:
    policy = op.create_table(
        "payment_policy",
        sa.Column("estate", sa.Text, primary_key=True, server_default="*"),
        sa.Column("backdate_days", sa.Integer, nullable=False),
        sa.Column("most_orders", sa.Integer, nullable=False),
        sa.Column("transfer_days", sa.Integer, nullable=False),
        sa.CheckConstraint("backdate_days >= 0", name=op.f("payment_policy_backdate_days_check")),
        sa.CheckConstraint("most_orders > 0", name=op.f("payment_policy_most_orders_check")),
        sa.CheckConstraint("transfer_days > 0", name=op.f("payment_policy_transfer_days_check")),
    )
    op.bulk_insert(policy, [{"estate": "*", "backdate_days": 3, "most_orders": 3, "transfer_days": 30}])
    op.add_column("payment", sa.Column("reason", sa.Text))
    op.add_column("payment", sa.Column("beyond_policy", sa.Boolean, nullable=False, server_default="false"))
    op.add_column("payment", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.execute(WAITING_TRANSFERS)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
