"""Billing: waivers, voids, refunds of surplus (B5, B6, C2).

Revision ID: billing_0007
"""

from alembic import op

revision = "billing_0007"
down_revision = "billing_0006"
branch_labels = None
depends_on = None

WAIVERS = """
CREATE TABLE waiver_authority (
    estate_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    position SMALLINT NOT NULL,
    up_to_fen BIGINT,
    up_to_ratio NUMERIC(5, 4),
    roles TEXT[] NOT NULL,
    needs_resolution BOOLEAN NOT NULL,
    CONSTRAINT waiver_authority_pkey PRIMARY KEY (estate_id, kind, position),
    CONSTRAINT waiver_authority_kind_check CHECK (kind IN ('late_fee', 'principal')),
    CONSTRAINT waiver_authority_up_to_fen_check CHECK (up_to_fen > 0),
    CONSTRAINT waiver_authority_up_to_ratio_check CHECK (up_to_ratio > 0 AND up_to_ratio <= 1)
);
CREATE TABLE waiver (
    id UUID NOT NULL,
    estate_id INTEGER NOT NULL,
    household_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    ratio NUMERIC(5, 4),
    amount_fen BIGINT,
    reason TEXT NOT NULL,
    status TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    base_on DATE NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_on DATE,
    decision_reason TEXT,
    resolution TEXT,
    CONSTRAINT waiver_pkey PRIMARY KEY (id),
    CONSTRAINT waiver_kind_check CHECK (kind IN ('late_fee', 'principal')),
    CONSTRAINT waiver_status_check CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT waiver_asked_check CHECK ((ratio IS NULL) <> (amount_fen IS NULL)),
    CONSTRAINT waiver_decided_check CHECK ((status = 'pending') = (decided_at IS NULL)),
    CONSTRAINT waiver_estate_id_fkey FOREIGN KEY(estate_id) REFERENCES estate (id),
    CONSTRAINT waiver_household_id_fkey FOREIGN KEY(household_id) REFERENCES household (id)
);
CREATE INDEX waiver_household_id_idx ON waiver (household_id, requested_at);
CREATE INDEX waiver_estate_id_idx ON waiver (estate_id, requested_at);
CREATE TABLE waiver_bill (
    waiver_id UUID NOT NULL,
    bill_id BIGINT NOT NULL,
    base_fen BIGINT NOT NULL,
    asked_fen BIGINT NOT NULL,
    granted_fen BIGINT,
    CONSTRAINT waiver_bill_pkey PRIMARY KEY (waiver_id, bill_id),
    CONSTRAINT waiver_bill_fen_check CHECK (asked_fen BETWEEN 0 AND base_fen),
    CONSTRAINT waiver_bill_granted_fen_check CHECK (granted_fen BETWEEN 0 AND asked_fen),
    CONSTRAINT waiver_bill_waiver_id_fkey FOREIGN KEY(waiver_id) REFERENCES waiver (id)
);
CREATE INDEX waiver_bill_bill_id_idx ON waiver_bill (bill_id);
"""

# The group's matrix (C2): small late fees by rule, then the manager, then the office with the owners' resolution.
AUTHORITY = """
INSERT INTO waiver_authority (estate_id, kind, position, up_to_fen, up_to_ratio, roles, needs_resolution)
VALUES
  (0, 'late_fee', 1, 5000, NULL, '{}', false),
  (0, 'late_fee', 2, 100000, NULL, '{estate_manager}', false),
  (0, 'late_fee', 3, NULL, NULL, '{group_admin,finance}', true),
  (0, 'principal', 1, 50000, NULL, '{estate_manager}', false),
  (0, 'principal', 2, NULL, NULL, '{group_admin,finance}', true);
"""

VOIDS = """
CREATE TABLE credit_note (
    id UUID NOT NULL,
    estate_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    bill_id BIGINT NOT NULL,
    household_id BIGINT NOT NULL,
    unit_id BIGINT NOT NULL,
    fee_item TEXT NOT NULL,
    period DATE NOT NULL,
    amount_fen BIGINT NOT NULL,
    released_fen BIGINT NOT NULL,
    released_late_fee_fen BIGINT NOT NULL,
    waived_fen BIGINT NOT NULL,
    waived_late_fee_fen BIGINT NOT NULL,
    reason TEXT NOT NULL,
    reissue BOOLEAN NOT NULL,
    booked_on DATE NOT NULL,
    voided_by TEXT NOT NULL,
    voided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT credit_note_pkey PRIMARY KEY (id),
    CONSTRAINT credit_note_number_key UNIQUE (estate_id, number),
    CONSTRAINT credit_note_bill_id_key UNIQUE (bill_id),
    CONSTRAINT credit_note_estate_id_fkey FOREIGN KEY(estate_id) REFERENCES estate (id)
);
CREATE INDEX credit_note_unit_id_idx ON credit_note (unit_id, fee_item, period);
CREATE INDEX credit_note_household_id_idx ON credit_note (household_id);
CREATE TABLE bill_reissue (
    id UUID NOT NULL,
    bill_id BIGINT NOT NULL,
    bill_ids BIGINT[] NOT NULL,
    reissued_by TEXT NOT NULL,
    reissued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT bill_reissue_pkey PRIMARY KEY (id)
);
"""

CREDITS = """
CREATE TABLE credit_refund (
    id UUID NOT NULL,
    estate_id INTEGER NOT NULL,
    household_id BIGINT NOT NULL,
    amount_fen BIGINT NOT NULL,
    channel TEXT NOT NULL,
    reason TEXT NOT NULL,
    booked_on DATE NOT NULL,
    refunded_by TEXT NOT NULL,
    refunded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT credit_refund_pkey PRIMARY KEY (id),
    CONSTRAINT credit_refund_amount_fen_check CHECK (amount_fen > 0),
    CONSTRAINT credit_refund_channel_check CHECK (channel IN ('transfer', 'cash', 'pos')),
    CONSTRAINT credit_refund_estate_id_fkey FOREIGN KEY(estate_id) REFERENCES estate (id),
    CONSTRAINT credit_refund_household_id_fkey FOREIGN KEY(household_id) REFERENCES household (id)
);
CREATE INDEX credit_refund_household_id_idx ON credit_refund (household_id, refunded_at);
CREATE TABLE credit_application (
    id UUID NOT NULL,
    household_id BIGINT NOT NULL,
    bill_ids BIGINT[] NOT NULL,
    shares JSONB NOT NULL,
    credit_left_fen BIGINT NOT NULL,
    applied_by TEXT NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT credit_application_pkey PRIMARY KEY (id),
    CONSTRAINT credit_application_household_id_fkey FOREIGN KEY(household_id) REFERENCES household (id)
);
"""


def upgrade() -> None:
    """Create everything billing_0007 owns."""
    for statement in (WAIVERS, AUTHORITY, VOIDS, CREDITS):
        op.execute(statement)
