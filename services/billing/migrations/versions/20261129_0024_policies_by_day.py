"""Billing: registers for auditors; policies changed by two people, from a day on (I5, C1, B9, C3, D2, D6).

Revision ID: billing_0024
"""

from alembic import op

revision = "billing_0024"
down_revision = "billing_0023"
branch_labels = None
depends_on = None

# The journal is read by estate and day; of bills only the void ones lack an index by household.
REGISTERS = """
CREATE INDEX ledger_entry_journal_idx ON ledger_entry (estate_id, booked_on, id);
CREATE INDEX bill_void_idx ON bill (estate_id, household_id, due_date, id) WHERE voided_at IS NOT NULL;
"""

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

# What stands holds from the beginning, so every figure stays as it was told.
DAYS = """
ALTER TABLE collection_policy ADD COLUMN effective_from DATE DEFAULT '2000-01-01' NOT NULL;
ALTER TABLE collection_policy DROP CONSTRAINT collection_policy_pkey;
ALTER TABLE collection_policy ADD CONSTRAINT collection_policy_pkey PRIMARY KEY (estate_id, effective_from);
ALTER TABLE collection_policy ALTER COLUMN allocation DROP NOT NULL, ALTER COLUMN late_fee_capped DROP NOT NULL,
    ALTER COLUMN grace_days DROP NOT NULL, ALTER COLUMN grace_mode DROP NOT NULL;
ALTER TABLE collection_policy ADD CONSTRAINT collection_policy_whole_check
    CHECK (estate_id <> 0 OR num_nulls(allocation, late_fee_capped, grace_days, grace_mode) = 0);
ALTER TABLE late_fee_rate ALTER COLUMN daily DROP NOT NULL;
ALTER TABLE late_fee_rate ADD CONSTRAINT late_fee_rate_whole_check CHECK (estate_id <> 0 OR daily IS NOT NULL);
"""


def upgrade() -> None:
    """Additive: a release before this one reads the versions that stand as it did."""
    for statement in (REGISTERS, CHANGES, DAYS):
        op.execute(statement)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
