"""STORE of the billing service: the tables every part of it shares (A1, A4, B1, B3, B4, B7, J1).

Named queries live in the parts (`portfolio/`, `imports/`, `tariffs/`, `bills/`, `ledger/`, …). Money is integer fen,
rates and areas are exact numerics, periods are the first day of their month.

`bill`, `ledger_entry` and `rate_rollup` carry no foreign keys: a bill run writes a million rows in one go and each key
would cost one look-up per row. Their rows come from statements that join the parents, and parents are never deleted.

Locks are taken in the order of `services/common/locks.py`: the estate (`lock_estate` alone for runs and imports,
`lock_estate_shared` for allocations) → household rows → bills by id → rollups by key.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.orm import Session

from services.common.database import new_metadata
from services.common.locks import Lock, hold, hold_shared
from services.common.policies.tables import policy_change_table

metadata = new_metadata()
policy_change_table(metadata)

# --- portfolio (A1, A2, A4) ----------------------------------------------------------------------------------------

estate = Table(
    "estate",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("property_type", Text, nullable=False),
    Column("service_grade", Text, nullable=False),
    Column("charging_mode", Text, nullable=False),
    Column("opened_on", Date),
    # contract clause; null means no late fee on this estate (C1)
    Column("late_fee_clause", Text),
    # money booked before it counts in the figures on the day it was booked, as reported: those months were closed when
    # money came to count from the first day of its bill (ADR 17); null: none was
    Column("figures_since", Date),
    CheckConstraint("charging_mode IN ('lump_sum', 'remuneration')", name="charging_mode"),
)

household = Table(
    "household",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("code", Text, nullable=False, unique=True),
    Column("owner_name", Text, nullable=False),
    Column("owner_phone", Text, nullable=False),
    Column("email", Text),
    Column("segment", Text),
    Column("language", Text, nullable=False, server_default="zh-CN"),
    # prepaid balance (B6)
    Column("credit_fen", BigInteger, nullable=False, server_default="0"),
    # the part of it that is kept for a refund and pays nothing
    Column("reserved_fen", BigInteger, nullable=False, server_default="0"),
    Column("arrears_cause", Text, nullable=False, server_default="unknown"),
    CheckConstraint("credit_fen >= 0", name="credit_fen"),
    CheckConstraint("reserved_fen BETWEEN 0 AND credit_fen", name="reserved_fen"),
    CheckConstraint("language IN ('zh-CN', 'en')", name="language"),
    Index("household_estate_id_idx", "estate_id", "id"),
    Index("household_credit_idx", "estate_id", postgresql_where=text("credit_fen > 0")),
)

unit = Table(
    "unit",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("building", Text, nullable=False),
    Column("area_m2", Numeric(12, 2), nullable=False),
    Column("usage", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("floor", Text),
    Column("move_in_date", Date),
    Column("grade", Text),
    CheckConstraint("area_m2 >= 0", name="area_m2"),
    CheckConstraint("usage IN ('residential', 'commercial', 'office', 'industrial', 'parking')", name="usage"),
    CheckConstraint("status IN ('occupied', 'vacant', 'unsold')", name="status"),
    UniqueConstraint("estate_id", "code", name="unit_estate_id_code_key"),
    Index("unit_estate_id_idx", "estate_id", "id"),
    Index("unit_household_id_idx", "household_id"),
)

# Who pays for a unit by day (A1): only of units that ever changed hands, and then for all days up to now without a gap.
# `unit.household_id` is who pays today.
unit_payer = Table(
    "unit_payer",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("unit_id", BigInteger, ForeignKey("unit.id"), nullable=False),
    Column("household_id", BigInteger, ForeignKey("household.id"), nullable=False),
    # owner, tenant who pays for the owner, or the developer of an unsold unit
    Column("role", Text, nullable=False),
    # first day; the first payer's is the beginning of time
    Column("from_date", Date, nullable=False),
    # last day, inclusive; null while it lasts
    Column("to_date", Date),
    # its first day has not come yet: then somebody has to move unit.household_id
    Column("pending", Boolean, nullable=False, server_default="false"),
    CheckConstraint("role IN ('owner', 'tenant', 'developer')", name="role"),
    CheckConstraint("to_date IS NULL OR to_date >= from_date", name="dates"),
    UniqueConstraint("unit_id", "from_date", name="unit_payer_from_date_key"),
    Index("unit_payer_current_key", "unit_id", unique=True, postgresql_where=text("to_date IS NULL")),
    Index("unit_payer_household_id_idx", "household_id"),
    Index("unit_payer_pending_idx", "from_date", postgresql_where=text("pending")),
    # Two payers never share a day; ranges of one number stand in for equality, which gist lacks without an extension.
    ExcludeConstraint(
        (text("int8range(unit_id, unit_id, '[]')"), "&&"),
        (text("daterange(from_date, to_date, '[]')"), "&&"),
        name="unit_payer_days_excl",
    ),
)

# The status of a unit by day (B3): only of units whose status was ever changed, and then for all days without a gap.
# `unit.status` is that of today.
unit_status = Table(
    "unit_status",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("unit_id", BigInteger, ForeignKey("unit.id"), nullable=False),
    Column("status", Text, nullable=False),
    # first day; of the first status the beginning of time
    Column("from_date", Date, nullable=False),
    # last day, inclusive; null while it lasts
    Column("to_date", Date),
    # its first day has not come yet: then unit.status has to follow
    Column("pending", Boolean, nullable=False, server_default="false"),
    CheckConstraint("status IN ('occupied', 'vacant', 'unsold')", name="status"),
    CheckConstraint("to_date IS NULL OR to_date >= from_date", name="dates"),
    UniqueConstraint("unit_id", "from_date", name="unit_status_from_date_key"),
    Index("unit_status_current_key", "unit_id", unique=True, postgresql_where=text("to_date IS NULL")),
    Index("unit_status_pending_idx", "from_date", postgresql_where=text("pending")),
    ExcludeConstraint(
        (text("int8range(unit_id, unit_id, '[]')"), "&&"),
        (text("daterange(from_date, to_date, '[]')"), "&&"),
        name="unit_status_days_excl",
    ),
)

staff = Table(
    "staff",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
    Column("buildings", ARRAY(Text), nullable=False, server_default="{}"),
    Column("skills", ARRAY(Text), nullable=False, server_default="{}"),
    # what the last file said; `buildings` may have changed since by appointment (A4)
    Column("filed_buildings", ARRAY(Text), nullable=False, server_default="{}"),
    Index("staff_estate_id_idx", "estate_id"),
)

stewardship = Table(
    "stewardship",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("building", Text, nullable=False),
    Column("staff_code", Text, nullable=False),
    # first day; the first steward ever named answers for the past too
    Column("from_date", Date, nullable=False),
    # last day, inclusive; null while it lasts
    Column("to_date", Date),
    # its first day has not come yet: then staff.buildings has to follow
    Column("pending", Boolean, nullable=False, server_default="false"),
    Column("set_by", Text),
    Column("set_at", DateTime(timezone=True)),
    CheckConstraint("to_date IS NULL OR to_date >= from_date", name="dates"),
    UniqueConstraint("estate_id", "building", "from_date", name="stewardship_from_date_key"),
    Index("stewardship_current_key", "estate_id", "building", unique=True, postgresql_where=text("to_date IS NULL")),
    Index("stewardship_pending_idx", "from_date", postgresql_where=text("pending")),
)

# --- tariffs and policy (B1, B3) -----------------------------------------------------------------------------------

tariff = Table(
    "tariff",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    Column("fee_item", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("usage", Text, nullable=False),
    Column("version", Integer, nullable=False),
    # yuan per m² and month, per month, or per meter unit
    Column("unit_price", Numeric(12, 4), nullable=False),
    Column("effective_from", Date, nullable=False),
    # last day, inclusive; a newer published version ends it earlier
    Column("effective_to", Date),
    Column("vacancy_ratio", Numeric(5, 4)),
    # why it is what it is: government guidance price, cost accounting, contract clause
    Column("basis", Text),
    # metered: [[quantity a month above which it holds, price], …]; null: unit_price for all (阶梯)
    Column("tiers", JSONB),
    # per area: {grade of a unit: factor}, "*" for all others; null: 1
    Column("grade_factors", JSONB),
    # what the price is made of: [[use, yuan], …]
    Column("composition", JSONB),
    # null until 公示; no bill uses it before
    Column("published_at", DateTime(timezone=True)),
    CheckConstraint("method IN ('per_area', 'fixed', 'metered', 'shared')", name="method"),
    CheckConstraint("unit_price >= 0", name="unit_price"),
    CheckConstraint("vacancy_ratio BETWEEN 0 AND 1", name="vacancy_ratio"),
    CheckConstraint("effective_to >= effective_from", name="dates"),
    UniqueConstraint("estate_id", "fee_item", "usage", "effective_from", name="tariff_effective_from_key"),
    UniqueConstraint("estate_id", "fee_item", "usage", "version", name="tariff_version_key"),
)

billing_policy = Table(
    "billing_policy",
    metadata,
    # 0 is the group's default
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("cycle", Text, nullable=False),
    Column("timing", Text, nullable=False),
    Column("due_day", SmallInteger, nullable=False),
    Column("month_offset", SmallInteger, nullable=False),
    Column("roll_to_working_day", Boolean, nullable=False),
    # no bill is due earlier than so many days after it was issued
    Column("notice_days", SmallInteger, nullable=False, server_default="15"),
    CheckConstraint("cycle IN ('monthly', 'quarterly', 'annual')", name="cycle"),
    CheckConstraint("timing IN ('arrears', 'advance')", name="timing"),
    CheckConstraint("due_day BETWEEN 1 AND 31", name="due_day"),
    CheckConstraint("month_offset BETWEEN 0 AND 12", name="month_offset"),
    CheckConstraint("notice_days BETWEEN 0 AND 90", name="notice_days"),
)

meter_reading = Table(
    "meter_reading",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("unit_id", BigInteger, ForeignKey("unit.id"), nullable=False),
    Column("meter", Text, nullable=False),
    Column("read_on", Date, nullable=False),
    Column("reading", Numeric(14, 4), nullable=False),
    UniqueConstraint("unit_id", "meter", "read_on", name="meter_reading_key"),
)

import_receipt = Table(
    "import_receipt",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("content_sha256", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("result", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# --- bills and ledger (B4, B7, J1) ---------------------------------------------------------------------------------

bill = Table(
    "bill",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("unit_id", BigInteger, nullable=False),
    Column("household_id", BigInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    # principal only
    Column("paid_fen", BigInteger, nullable=False, server_default="0"),
    Column("waived_fen", BigInteger, nullable=False, server_default="0"),
    Column("estate_id", Integer, nullable=False),
    # null: opening balance
    Column("tariff_id", Integer),
    # the first of the months it is for
    Column("period", Date, nullable=False),
    Column("due_date", Date, nullable=False),
    Column("issued_on", Date, nullable=False),
    # copied, so that figures can be cut by it
    Column("building", Text, nullable=False),
    Column("fee_item", Text, nullable=False),
    # as billed, for the explanation; null: opening balance
    Column("area_m2", Numeric(12, 2)),
    # as billed: vacant; an unsold unit is the developer's at the full price
    Column("vacant", Boolean),
    Column("run_id", Uuid),
    # what a line was made from when rate and area do not tell it: readings, a share of a cost, days of a payer
    Column("inputs", JSONB),
    # a one-off charge; a unit may get several of one fee item in a month
    Column("charge_id", Uuid),
    # the voided bill this one replaces; it keeps that one's due date (B5)
    Column("reissue_of", BigInteger),
    # of a reissue: when the first of the bills it replaces was issued; it counts in the figures as that one did
    Column("first_issued_on", Date),
    # the household disputes this bill: dunning leaves it out until that is settled (D3)
    Column("disputed_at", DateTime(timezone=True)),
    Column("voided_at", DateTime(timezone=True)),
    # how many months it is for (B3); no month of them is billed again
    Column("months", SmallInteger, nullable=False, server_default="1"),
    # its late fee is more than what it accrues less what each payment spares: principal came back, late fee was settled
    # or a plan was signed; set by a trigger on the ledger and by the signing, never reset (C1)
    Column("late_fee_apart", Boolean, nullable=False, server_default="false"),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    CheckConstraint("paid_fen >= 0 AND waived_fen >= 0 AND paid_fen + waived_fen <= amount_fen", name="outstanding"),
    # A month may have two payers (A1), each with the days that are theirs. A run never adds to a month that was billed.
    Index(
        "bill_once_key",
        "unit_id",
        "fee_item",
        "period",
        "household_id",
        unique=True,
        postgresql_where=text("voided_at IS NULL AND charge_id IS NULL"),
    ),
    Index("bill_household_id_due_date_idx", "household_id", "due_date"),
    # Empty where everybody is billed by the month: then looking into it costs a run nothing.
    Index("bill_months_idx", "estate_id", "period", postgresql_where=text("months > 1")),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("bill_id", BigInteger),
    Column("household_id", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("estate_id", Integer, nullable=False),
    Column("booked_on", Date, nullable=False),
    # the day it counts for the late fee, when that day's month was closed already (B8); null: booked_on
    Column("value_on", Date),
    Column("kind", Text, nullable=False),
    Column("debit_account", Text, nullable=False),
    Column("credit_account", Text, nullable=False),
    # the run, payment or import that caused it
    Column("source", Text, nullable=False),
    CheckConstraint("amount_fen > 0", name="amount_fen"),
    CheckConstraint("debit_account <> credit_account", name="accounts"),
    Index("ledger_entry_bill_id_idx", "bill_id"),
    Index("ledger_entry_household_id_idx", "household_id"),
    # the journal reads an estate's entries in this order, a page at a time
    Index("ledger_entry_journal_idx", "estate_id", "booked_on", "id"),
    # Entries arrive by day and, in a run, by estate: a block-range index finds them and costs a run next to nothing.
    Index("ledger_entry_estate_id_booked_on_idx", "estate_id", "booked_on", postgresql_using="brin"),
)

rate_rollup = Table(
    "rate_rollup",
    metadata,
    Column("estate_id", Integer, primary_key=True, autoincrement=False),
    Column("building", Text, primary_key=True),
    Column("fee_item", Text, primary_key=True),
    Column("period", Date, primary_key=True),
    Column("due_date", Date, primary_key=True),
    Column("booked_on", Date, primary_key=True),
    Column("billed_fen", BigInteger, nullable=False, server_default="0"),
    Column("collected_fen", BigInteger, nullable=False, server_default="0"),
    Column("waived_fen", BigInteger, nullable=False, server_default="0"),
    Column("billed_count", Integer, nullable=False, server_default="0"),
)

# Months that take no more postings (B8): a correction is booked on the first day of the month after the last of them.
ledger_close = Table(
    "ledger_close",
    metadata,
    Column("estate_id", Integer, ForeignKey("estate.id"), primary_key=True, autoincrement=False),
    Column("period", Date, primary_key=True),
    Column("closed_at", DateTime(timezone=True), nullable=False),
    Column("closed_by", Text, nullable=False),
    # the trial balance of the estate when it was closed
    Column("balances", JSONB, nullable=False),
)

# --- bill runs (B4) ------------------------------------------------------------------------------------------------

bill_run = Table(
    "bill_run",
    metadata,
    # the request id: the same call again finds its run
    Column("id", Uuid, primary_key=True),
    Column("period", Date, nullable=False),
    # as asked for; null: all in the caller's scope
    Column("estates", ARRAY(Text)),
    # as asked for; null: all
    Column("fee_items", ARRAY(Text)),
    Column("dry_run", Boolean, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

bill_run_slice = Table(
    "bill_run_slice",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("run_id", Uuid, ForeignKey("bill_run.id"), nullable=False),
    Column("estate_id", Integer, ForeignKey("estate.id"), nullable=False),
    # inclusive
    Column("from_unit_id", BigInteger, nullable=False),
    # exclusive; null: to the end
    Column("to_unit_id", BigInteger),
    Column("bills", Integer, nullable=False, server_default="0"),
    Column("amount_fen", BigInteger, nullable=False, server_default="0"),
    # tariff parts and due-date policy as used, for explanations
    Column("rates", JSONB),
    # of the request to bill this slice; a parked one makes the run failed
    Column("event_id", Uuid),
    # the first of them only
    Column("anomalies", JSONB, nullable=False, server_default="[]"),
    Column("anomaly_count", Integer, nullable=False, server_default="0"),
    # null until done
    Column("finished_at", DateTime(timezone=True)),
    Index("bill_run_slice_run_id_idx", "run_id", "estate_id"),
)


def lock_estate(session: Session, estate_id: int) -> None:
    """Hold the estate alone until the transaction ends: no allocation, run or import of it goes on meanwhile."""
    hold(session, Lock.ESTATE, estate_id)


def lock_estate_shared(session: Session, estate_id: int) -> None:
    """Hold off runs and imports of the estate until the transaction ends; other allocations go on beside."""
    hold_shared(session, Lock.ESTATE, estate_id)
