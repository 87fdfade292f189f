"""Directory, payments, receipt counters and suspense."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.common.messaging.schema import create_messaging_tables

revision = "payments_0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SETTLED_WHOLE = (
    "status NOT IN ('settled', 'refunded', 'partially_refunded') OR (transaction_id IS NOT NULL"
    " AND receipt_no IS NOT NULL AND settled_at IS NOT NULL AND business_date IS NOT NULL)"
)
STATUS_KNOWN = "status IN ('pending', 'settled', 'expired', 'refunded', 'partially_refunded', 'suspense')"


def upgrade() -> None:
    create_messaging_tables(op)
    create_directory()
    create_payment()
    create_receipts()
    create_suspense()


def create_directory() -> None:
    op.create_table(
        "estate",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
    )
    op.create_table(
        "household",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("estate", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("building", sa.Text, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
    )


def create_payment() -> None:
    op.create_table(
        "payment",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("household", sa.Text, nullable=False),
        sa.Column("estate", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("bill_ids", postgresql.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("received_on", sa.Date),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("code_url", sa.Text),
        sa.Column("order_attempted_at", INSTANT),
        sa.Column("expires_at", INSTANT),
        sa.Column("next_check_at", INSTANT),
        sa.Column("checks", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("transaction_id", sa.Text),
        sa.Column("receipt_no", sa.Text),
        sa.Column("settled_at", INSTANT),
        sa.Column("business_date", sa.Date),
        sa.Column("allocations", postgresql.JSONB),
        sa.Column("credit_fen", sa.BigInteger),
        sa.CheckConstraint("amount_fen > 0", name="payment_amount_positive_check"),
        sa.CheckConstraint(STATUS_KNOWN, name="payment_status_known_check"),
        sa.CheckConstraint(SETTLED_WHOLE, name="payment_settled_whole_check"),
        sa.UniqueConstraint("reference", name="payment_reference_key"),
        sa.UniqueConstraint("receipt_no", name="payment_receipt_no_key"),
        sa.UniqueConstraint("channel", "transaction_id", name="payment_channel_transaction_id_key"),
    )
    pending = sa.text("status = 'pending'")
    op.create_index("payment_household_idx", "payment", ["household", "created_at", "id"])
    op.create_index("payment_business_date_idx", "payment", ["business_date", "estate"])
    op.create_index("payment_check_idx", "payment", ["next_check_at"], postgresql_where=pending)
    op.create_index("payment_pending_idx", "payment", ["estate"], postgresql_where=pending)


def create_receipts() -> None:
    op.create_table(
        "receipt_counter",
        sa.Column("estate", sa.Text, primary_key=True),
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )


def create_suspense() -> None:
    op.create_table(
        "suspense",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("out_trade_no", sa.Text, nullable=False),
        sa.Column("payment_id", sa.Uuid),
        sa.Column("estate", sa.Text),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("succeeded_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("resolved_at", INSTANT),
        sa.UniqueConstraint("channel", "transaction_id", name="suspense_channel_transaction_id_key"),
    )
    op.create_index("suspense_open_idx", "suspense", ["estate"], postgresql_where=sa.text("resolved_at IS NULL"))
