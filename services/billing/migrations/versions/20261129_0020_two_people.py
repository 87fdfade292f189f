"""Billing: a second person for refunds and large voids, and what a reissue keeps of waivers and discounts (FC1, FM7).

What was refunded before stands as it was: asked for and handed back by one person.

Revision ID: billing_0020
"""

from alembic import op

revision = "billing_0020"
down_revision = "billing_0019"
branch_labels = None
depends_on = None

UPGRADE = (
    """
CREATE TABLE void_authority (
    estate_id INTEGER NOT NULL,
    automatic_up_to_fen BIGINT NOT NULL,
    CONSTRAINT void_authority_pkey PRIMARY KEY (estate_id),
    CONSTRAINT void_authority_automatic_up_to_fen_check CHECK (automatic_up_to_fen >= 0)
)
""",
    "INSERT INTO void_authority (estate_id, automatic_up_to_fen) VALUES (0, 100000)",
    """
CREATE TABLE void_request (
    id UUID NOT NULL,
    estate_id INTEGER NOT NULL,
    household_id BIGINT NOT NULL,
    bill_id BIGINT NOT NULL,
    fee_item TEXT NOT NULL,
    period DATE NOT NULL,
    amount_fen BIGINT NOT NULL,
    released_fen BIGINT NOT NULL,
    released_late_fee_fen BIGINT NOT NULL,
    waived_fen BIGINT NOT NULL,
    waived_late_fee_fen BIGINT NOT NULL,
    reason TEXT NOT NULL,
    reissue BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    decision_reason TEXT,
    CONSTRAINT void_request_pkey PRIMARY KEY (id),
    CONSTRAINT void_request_status_check CHECK (status IN ('requested', 'void', 'rejected', 'withdrawn')),
    CONSTRAINT void_request_decided_check CHECK ((status = 'requested') = (decided_at IS NULL)),
    CONSTRAINT void_request_estate_id_fkey FOREIGN KEY(estate_id) REFERENCES estate (id)
)
""",
    "CREATE UNIQUE INDEX void_request_pending_key ON void_request (bill_id) WHERE status = 'requested'",
    "CREATE INDEX void_request_estate_id_idx ON void_request (estate_id, requested_at)",
    """
CREATE TABLE kept_grant (
    request_id UUID NOT NULL,
    source_id UUID NOT NULL,
    kind TEXT NOT NULL,
    from_bill_id BIGINT NOT NULL,
    granted_fen BIGINT NOT NULL,
    bill_id BIGINT,
    kept_fen BIGINT NOT NULL,
    returned_points BIGINT,
    returned_coupon_id UUID,
    CONSTRAINT kept_grant_pkey PRIMARY KEY (request_id, source_id),
    CONSTRAINT kept_grant_kind_check CHECK (kind IN ('principal', 'late_fee', 'discount')),
    CONSTRAINT kept_grant_kept_fen_check CHECK (kept_fen >= 0)
)
""",
    "ALTER TABLE redemption ADD COLUMN returned_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE redemption DROP CONSTRAINT redemption_coupon_id_key",
    "CREATE UNIQUE INDEX redemption_coupon_id_key ON redemption (coupon_id) WHERE returned_at IS NULL",
    "ALTER TABLE incentive_policy ADD COLUMN set_by TEXT",
    """
ALTER TABLE point_entry DROP CONSTRAINT point_entry_kind_check, ADD CONSTRAINT point_entry_kind_check
    CHECK (kind IN ('earned', 'taken_back', 'redeemed', 'returned'))
""",
    """
ALTER TABLE dunning_hold DROP CONSTRAINT dunning_hold_source_kind_check, ADD CONSTRAINT dunning_hold_source_kind_check
    CHECK (source_kind IN ('complaint', 'work_order', 'payment', 'plan', 'waiver', 'problem', 'void'))
""",
    # The release before writes what it handed back at once; its rows say nothing of a request.
    """
ALTER TABLE credit_refund
    ALTER COLUMN booked_on DROP NOT NULL,
    ALTER COLUMN refunded_by DROP NOT NULL,
    ALTER COLUMN refunded_at DROP NOT NULL,
    ADD COLUMN status TEXT DEFAULT 'approved' NOT NULL,
    ADD COLUMN requested_by TEXT,
    ADD COLUMN requested_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    ADD COLUMN decided_by TEXT,
    ADD COLUMN decided_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN decision_reason TEXT,
    ADD COLUMN overdue_fen BIGINT DEFAULT 0 NOT NULL,
    ADD CONSTRAINT credit_refund_status_check CHECK (status IN ('requested', 'approved', 'rejected', 'withdrawn')),
    ADD CONSTRAINT credit_refund_booked_check CHECK ((status = 'approved') = (booked_on IS NOT NULL))
""",
    "UPDATE credit_refund SET requested_by = refunded_by, requested_at = refunded_at",
    "CREATE INDEX credit_refund_estate_id_idx ON credit_refund (estate_id, requested_at)",
)


def upgrade() -> None:
    """What is there stays as it is reported."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Migrations only go forward."""
    raise NotImplementedError("restore a backup instead")
