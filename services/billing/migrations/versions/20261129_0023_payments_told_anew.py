"""Billing: who dated money back beyond policy, how often a payment was told anew, when an order holds (E3, B9, D3).

Revision ID: billing_0023
"""

import sqlalchemy as sa
from alembic import op

revision = "billing_0023"
down_revision = "billing_0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_posting", sa.Column("backdated_by", sa.Text))
    op.add_column("payment_posting", sa.Column("backdate_reason", sa.Text))
    op.add_column("payment_posting", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.create_index(
        "payment_posting_backdated_idx",
        "payment_posting",
        ["estate_id"],
        postgresql_where=sa.text("backdated_by IS NOT NULL"),
    )
    policy = op.create_table(
        "payment_hold_policy",
        sa.Column("estate_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("least_percent", sa.SmallInteger, nullable=False),
        sa.CheckConstraint("least_percent BETWEEN 0 AND 100", name=op.f("payment_hold_policy_least_percent_check")),
    )
    op.bulk_insert(policy, [{"estate_id": 0, "least_percent": 50}])


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
