"""Billing: ladder, causes, disputes, efficiency (D1, D2, D3, D8).

Revision ID: billing_0009
"""

from alembic import op

revision = "billing_0009"
down_revision = "billing_0008"
branch_labels = None
depends_on = None

# What the ladder may say is a closed list, in the table too: none of it cuts or threatens supply or access (D4).
LADDER = """
ALTER TABLE dunning_step ADD COLUMN gap_days SMALLINT DEFAULT '1' NOT NULL;
ALTER TABLE dunning_step ADD CONSTRAINT dunning_step_gap_days_check CHECK (gap_days >= 1);
ALTER TABLE dunning_step ADD CONSTRAINT dunning_step_template_check CHECK (template IN (
    'dunning.reminder', 'dunning.overdue_notice', 'dunning.visit_task', 'dunning.demand_letter',
    'dunning.formal_notice', 'dunning.legal_file_task', 'dunning.plan_offer_task', 'dunning.problem_task',
    'dunning.vacancy_task', 'dunning.settlement_task'));
CREATE TABLE dunning_track (
    cause TEXT NOT NULL,
    replaces TEXT NOT NULL,
    code TEXT,
    earliest_day INTEGER,
    latest_day INTEGER,
    kind TEXT,
    channels TEXT[],
    template TEXT,
    requires TEXT[],
    deadline_days INTEGER,
    gap_days SMALLINT,
    CONSTRAINT dunning_track_pkey PRIMARY KEY (cause, replaces),
    CONSTRAINT dunning_track_kind_check CHECK (kind IN ('message', 'task')),
    CONSTRAINT dunning_track_template_check CHECK (template IN (
        'dunning.reminder', 'dunning.overdue_notice', 'dunning.visit_task', 'dunning.demand_letter',
        'dunning.formal_notice', 'dunning.legal_file_task', 'dunning.plan_offer_task', 'dunning.problem_task',
        'dunning.vacancy_task', 'dunning.settlement_task')),
    CONSTRAINT dunning_track_added_check CHECK (
        code = replaces OR code IS NULL OR kind IS NOT NULL AND channels IS NOT NULL AND template IS NOT NULL)
);
UPDATE dunning_step SET gap_days = CASE code WHEN 'visit' THEN 3 WHEN 'demand_letter' THEN 7
                                             WHEN 'formal_notice' THEN 15 WHEN 'legal_file' THEN 15 ELSE 1 END
WHERE estate_id = 0;
"""

# The group's tracks (D2). Dissatisfied: what is wrong is recorded instead of a visit about money. Hardship: instalments
# instead of a demand, and no legal file. Malicious: no formal notice, the file as soon as the demand's deadline passed.
TRACKS = """
INSERT INTO dunning_track (cause, replaces, code, earliest_day, kind, channels, template, requires, deadline_days)
VALUES
  ('dissatisfied', 'visit', 'problem', NULL, 'task', '{staff_task}', 'dunning.problem_task', '{no_hold}', 7),
  ('hardship', 'demand_letter', 'plan_offer', NULL, 'task', '{staff_task}', 'dunning.plan_offer_task', '{no_hold}', 15),
  ('hardship', 'legal_file', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('malicious', 'formal_notice', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('malicious', 'legal_file', 'legal_file', 31, NULL, NULL, NULL,
   '{no_hold,after:overdue_notice,after:demand_letter}', NULL),
  ('vacant', 'visit', 'vacancy', NULL, 'task', '{staff_task}', 'dunning.vacancy_task', '{no_hold}', 10),
  ('legacy_dispute', 'visit', 'settlement', NULL, 'task', '{staff_task}', 'dunning.settlement_task', '{no_hold}', 10),
  ('legacy_dispute', 'formal_notice', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('legacy_dispute', 'legal_file', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""

TREATMENT = """
CREATE TABLE bill_dispute (
    id UUID NOT NULL,
    bill_id BIGINT NOT NULL,
    household_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_by TEXT NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    settle_request UUID,
    outcome TEXT,
    note TEXT,
    CONSTRAINT bill_dispute_pkey PRIMARY KEY (id),
    CONSTRAINT bill_dispute_outcome_check CHECK (outcome IN ('upheld', 'amended', 'rejected', 'withdrawn')),
    CONSTRAINT bill_dispute_settled_check CHECK (
        (settled_at IS NULL) = (outcome IS NULL) AND (settled_at IS NULL) = (settled_by IS NULL))
);
CREATE INDEX bill_dispute_bill_id_idx ON bill_dispute (bill_id);
CREATE INDEX bill_dispute_household_id_idx ON bill_dispute (household_id);
CREATE UNIQUE INDEX bill_dispute_open_key ON bill_dispute (bill_id) WHERE settled_at IS NULL;
CREATE TABLE household_plan (
    id UUID NOT NULL,
    household_id BIGINT NOT NULL,
    cause TEXT NOT NULL,
    problem TEXT,
    deadline DATE,
    responsible TEXT NOT NULL,
    next_action TEXT NOT NULL,
    note TEXT,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by TEXT NOT NULL,
    superseded_at TIMESTAMP WITH TIME ZONE,
    fixed_at TIMESTAMP WITH TIME ZONE,
    fixed_by TEXT,
    fixed_note TEXT,
    CONSTRAINT household_plan_pkey PRIMARY KEY (id),
    CONSTRAINT household_plan_problem_check CHECK ((problem IS NULL) = (deadline IS NULL))
);
CREATE INDEX household_plan_household_id_idx ON household_plan (household_id, made_at);
CREATE UNIQUE INDEX household_plan_current_key ON household_plan (household_id) WHERE superseded_at IS NULL;
ALTER TABLE dunning_contact ADD COLUMN outcome TEXT;
ALTER TABLE dunning_contact ADD CONSTRAINT dunning_contact_outcome_check CHECK (outcome IN (
    'reached', 'not_reached', 'promised', 'refused', 'disputed', 'wrong_number', 'other'));
ALTER TABLE dunning_hold ADD COLUMN until DATE;
ALTER TABLE dunning_hold DROP CONSTRAINT dunning_hold_source_kind_check;
ALTER TABLE dunning_hold ADD CONSTRAINT dunning_hold_source_kind_check
    CHECK (source_kind IN ('complaint', 'work_order', 'payment', 'plan', 'waiver', 'problem'));
"""

SLICES = """
ALTER TABLE dunning_sweep_slice ADD COLUMN leader_id BIGINT;
CREATE INDEX dunning_sweep_slice_leader_idx ON dunning_sweep_slice (leader_id);
CREATE INDEX dunning_action_as_of_idx ON dunning_action USING brin (as_of);
"""

# Principal that was settled and came back, rare among millions of entries: only these are in the index.
RESTORED = """
CREATE INDEX ledger_entry_restored_idx ON ledger_entry (estate_id, bill_id)
    WHERE debit_account = 'receivable' AND credit_account NOT IN ('fee_income', 'opening_equity');
"""


def upgrade() -> None:
    """Additive."""
    for statement in (LADDER, TRACKS, TREATMENT, SLICES, RESTORED):
        op.execute(statement)
