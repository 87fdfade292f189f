"""Billing: what is too small to urge for, how far apart rungs are, promises to pay; risk scored anew (D1, D3, D7).

Steps that were taken stay as they were taken: only what comes after them goes by the new law.

Revision ID: billing_0022
"""

from alembic import op

revision = "billing_0022"
down_revision = "billing_0021"
branch_labels = None
depends_on = None

POLICY = """
CREATE TABLE dunning_policy (
    estate_id INTEGER NOT NULL,
    small_amount_fen BIGINT NOT NULL,
    gap_days SMALLINT NOT NULL,
    promise_days SMALLINT NOT NULL,
    promises_per_rung SMALLINT NOT NULL,
    CONSTRAINT dunning_policy_pkey PRIMARY KEY (estate_id),
    CONSTRAINT dunning_policy_small_amount_fen_check CHECK (small_amount_fen >= 0),
    CONSTRAINT dunning_policy_gap_days_check CHECK (gap_days >= 1),
    CONSTRAINT dunning_policy_promises_check CHECK (promise_days >= 0 AND promises_per_rung >= 0)
);
INSERT INTO dunning_policy (estate_id, small_amount_fen, gap_days, promise_days, promises_per_rung)
VALUES (0, 500, 7, 15, 1);
"""

PROMISES = """
CREATE TABLE payment_promise (
    id UUID NOT NULL,
    household_id BIGINT NOT NULL,
    action_id BIGINT,
    promised_on DATE NOT NULL,
    amount_fen BIGINT NOT NULL,
    note TEXT,
    made_on DATE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by TEXT NOT NULL,
    CONSTRAINT payment_promise_pkey PRIMARY KEY (id),
    CONSTRAINT payment_promise_amount_fen_check CHECK (amount_fen > 0),
    CONSTRAINT payment_promise_promised_on_check CHECK (promised_on >= made_on)
);
CREATE INDEX payment_promise_household_id_idx ON payment_promise (household_id, recorded_at);
ALTER TABLE dunning_hold DROP CONSTRAINT dunning_hold_source_kind_check;
ALTER TABLE dunning_hold ADD CONSTRAINT dunning_hold_source_kind_check CHECK (
    source_kind IN ('complaint', 'work_order', 'payment', 'plan', 'waiver', 'problem', 'void', 'promise'));
"""

# Every estate is scored once more.
RISK = """
CREATE TABLE estate_movement (
    estate_id INTEGER NOT NULL,
    bills BIGINT DEFAULT '0' NOT NULL,
    settlements BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT estate_movement_pkey PRIMARY KEY (estate_id)
);
ALTER TABLE risk_estate ADD COLUMN scored_at TIMESTAMP WITH TIME ZONE DEFAULT '-infinity' NOT NULL;
ALTER TABLE risk_estate ADD COLUMN bills BIGINT DEFAULT '-1' NOT NULL;
ALTER TABLE risk_estate ADD COLUMN settlements BIGINT DEFAULT '-1' NOT NULL;
"""


def upgrade() -> None:
    """The policy as it is shipped, promises and a hold of their own, what moved on an estate since it was scored."""
    op.execute(POLICY)
    op.execute(PROMISES)
    op.execute(RISK)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
