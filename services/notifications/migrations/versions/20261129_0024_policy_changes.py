"""Notifications: how messages may reach people is changed by two people, from a day on (F3, ADR 23).

Revision ID: notifications_0024
"""

from alembic import op

revision = "notifications_0024"
down_revision = "notifications_0013"
branch_labels = None
depends_on = None

CHANGES = """
CREATE TABLE policy_change (
    id UUID NOT NULL,
    policy TEXT NOT NULL,
    estate TEXT,
    new_values JSON,
    effective_from DATE NOT NULL,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    note TEXT,
    applied_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT policy_change_pkey PRIMARY KEY (id),
    CONSTRAINT policy_change_status_check CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT policy_change_decided_check CHECK ((status = 'pending') = (decided_by IS NULL)),
    CONSTRAINT policy_change_four_eyes_check CHECK (status <> 'approved' OR decided_by <> requested_by),
    CONSTRAINT policy_change_new_values_check CHECK (new_values IS NOT NULL OR estate IS NOT NULL)
);
CREATE INDEX policy_change_policy_idx ON policy_change (policy, estate, effective_from);
CREATE INDEX policy_change_requested_idx ON policy_change (requested_at, id);
"""


def upgrade() -> None:
    """Additive."""
    op.execute(CHANGES)


def downgrade() -> None:
    """As the revisions before it."""
    op.drop_table("policy_change")
