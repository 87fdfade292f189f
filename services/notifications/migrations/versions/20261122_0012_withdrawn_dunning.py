"""What calls back dunning that is decided and not sent yet: a hold, or money that came in (D3).

Revision ID: notifications_0012
"""

import sqlalchemy as sa
from alembic import op

revision = "notifications_0012"
down_revision = "notifications_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withdrawal",
        sa.Column("household", sa.Text, primary_key=True),
        sa.Column("ground", sa.Text, primary_key=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.CheckConstraint("ground IN ('hold', 'payment')", name=op.f("withdrawal_ground_check")),
    )
    op.execute("COMMENT ON COLUMN message.created_at IS 'Of dunning: when the step was decided'")
    op.execute("COMMENT ON COLUMN withdrawal.withdrawn_at IS 'Dunning decided up to then and not sent is not said'")


def downgrade() -> None:
    op.execute("COMMENT ON COLUMN message.created_at IS NULL")
    op.drop_table("withdrawal")
