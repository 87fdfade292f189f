"""Billing: instalment plans, and bills whose late fee cannot be told from their row (C1, C3).

Revision ID: billing_0008
"""

from alembic import op

revision = "billing_0008"
down_revision = "billing_0007"
branch_labels = None
depends_on = None

PLANS = """
CREATE TABLE plan_policy (
    estate_id INTEGER NOT NULL,
    late_days SMALLINT NOT NULL,
    revives BOOLEAN NOT NULL,
    CONSTRAINT plan_policy_pkey PRIMARY KEY (estate_id),
    CONSTRAINT plan_policy_late_days_check CHECK (late_days >= 0)
);
INSERT INTO plan_policy (estate_id, late_days, revives) VALUES (0, 15, true);
CREATE TABLE instalment_plan (
    id UUID NOT NULL,
    household_id BIGINT NOT NULL,
    estate_id INTEGER NOT NULL,
    signed_on DATE NOT NULL,
    late_days SMALLINT NOT NULL,
    revives BOOLEAN NOT NULL,
    late_fee_fen BIGINT NOT NULL,
    status TEXT NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    cancelled_on DATE,
    cancelled_by TEXT,
    cancel_reason TEXT,
    CONSTRAINT instalment_plan_pkey PRIMARY KEY (id),
    CONSTRAINT instalment_plan_status_check CHECK (status IN ('performing', 'completed', 'broken', 'cancelled')),
    CONSTRAINT instalment_plan_household_id_fkey FOREIGN KEY(household_id) REFERENCES household (id)
);
CREATE INDEX instalment_plan_household_id_idx ON instalment_plan (household_id);
CREATE INDEX instalment_plan_estate_id_idx ON instalment_plan (estate_id);
CREATE TABLE instalment_plan_part (
    plan_id UUID NOT NULL,
    bill_id BIGINT NOT NULL,
    due_date DATE NOT NULL,
    amount_fen BIGINT NOT NULL,
    CONSTRAINT instalment_plan_part_pkey PRIMARY KEY (plan_id, bill_id, due_date),
    CONSTRAINT instalment_plan_part_amount_fen_check CHECK (amount_fen > 0),
    CONSTRAINT instalment_plan_part_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES instalment_plan (id)
);
CREATE INDEX instalment_plan_part_bill_id_idx ON instalment_plan_part (bill_id);
CREATE TABLE instalment_plan_standing (
    plan_id UUID NOT NULL,
    from_on DATE NOT NULL,
    status TEXT NOT NULL,
    frozen_to DATE,
    CONSTRAINT instalment_plan_standing_pkey PRIMARY KEY (plan_id, from_on),
    CONSTRAINT instalment_plan_standing_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES instalment_plan (id)
);
"""

# The entries after which the late fee of a bill is more than what it accrues less what each payment spares. Payments
# and waivers of principal are not among them, so they cost nothing here, and neither does a bill run.
APART = """
ALTER TABLE bill ADD COLUMN late_fee_apart BOOLEAN DEFAULT false NOT NULL;
UPDATE bill SET late_fee_apart = true WHERE id IN (
    SELECT bill_id FROM ledger_entry
    WHERE (debit_account = 'receivable' AND credit_account NOT IN ('fee_income', 'opening_equity'))
       OR credit_account = 'late_fee_income' OR debit_account = 'late_fee_income');
CREATE INDEX bill_late_fee_moved_idx ON bill (estate_id, id) INCLUDE (household_id, amount_fen, due_date)
    WHERE voided_at IS NULL AND amount_fen > paid_fen + waived_fen
      AND NOT late_fee_apart AND (paid_fen > 0 OR waived_fen > 0);
CREATE INDEX ledger_entry_reduction_idx ON ledger_entry (bill_id)
    INCLUDE (amount_fen, booked_on, value_on, debit_account) WHERE credit_account = 'receivable';
CREATE INDEX bill_late_fee_apart_idx ON bill (estate_id, id)
    WHERE voided_at IS NULL AND amount_fen > paid_fen + waived_fen AND late_fee_apart;
CREATE FUNCTION set_late_fee_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bill SET late_fee_apart = true WHERE id = NEW.bill_id AND NOT late_fee_apart;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_late_fee_apart AFTER INSERT ON ledger_entry FOR EACH ROW
    WHEN (NEW.debit_account = 'receivable' AND NEW.credit_account NOT IN ('fee_income', 'opening_equity')
          OR NEW.credit_account = 'late_fee_income' OR NEW.debit_account = 'late_fee_income')
    EXECUTE FUNCTION set_late_fee_apart();
"""


def upgrade() -> None:
    """Additive."""
    for statement in (PLANS, APART):
        op.execute(statement)
