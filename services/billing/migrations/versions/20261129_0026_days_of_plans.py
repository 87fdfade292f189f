"""Billing: how far back a plan is dated and how long it runs by whom the policy binds (C3).

Revision ID: billing_0026
"""

from alembic import op

revision = "billing_0026"
down_revision = "billing_0024"
branch_labels = None
depends_on = None

DAYS = """
ALTER TABLE plan_policy ADD COLUMN backdate_days SMALLINT DEFAULT 3 NOT NULL;
ALTER TABLE plan_policy ADD COLUMN longest_months SMALLINT DEFAULT 12 NOT NULL;
ALTER TABLE plan_policy ADD CONSTRAINT plan_policy_backdate_days_check CHECK (backdate_days >= 0);
ALTER TABLE plan_policy ADD CONSTRAINT plan_policy_longest_months_check CHECK (longest_months > 0);
"""


def upgrade() -> None:
    """Plans that were signed stay as they were agreed."""
    op.execute(DAYS)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
