"""STORE of the evidence pack: what billing knows of one household up to a day, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.common.rows import rows_of

_UNITS = text("""
SELECT u.building, u.code, u.area_m2, u.usage, u.status, u.move_in_date FROM unit u WHERE u.household_id = :id
ORDER BY u.id
""")
_PAYMENTS = text("""
SELECT business_date, channel, amount_fen, payment_id FROM payment_posting
WHERE household_id = :id AND business_date <= :as_of ORDER BY business_date, settled_at, payment_id
""")
_ACTIONS = text("""
SELECT as_of, step, bill_id, due_date, overdue_days, overdue_fen, late_fee_fen, deadline FROM dunning_action
WHERE household_id = :id AND as_of <= :as_of ORDER BY as_of, id
""")
_DELIVERIES = text("""
SELECT delivered_on, template, step, bill_id, channel, outcome, proof, stated_on, deadline, message_id
FROM delivery_fact
WHERE household_id = :id AND delivered_on <= :as_of ORDER BY delivered_on, message_id
""")
_CONTACTS = text("""
SELECT (contacted_at AT TIME ZONE 'Asia/Shanghai')::timestamp(0) AS at, kind, step, answer, note, promised_on,
       contacted_by
FROM dunning_contact
WHERE household_id = :id AND (contacted_at AT TIME ZONE 'Asia/Shanghai')::date <= :as_of ORDER BY contacted_at, id
""")
# Every opening and closing is kept: the record of complaints, orders, payments, plans and waivers (D3).
_SERVICE = text("""
SELECT (f.at AT TIME ZONE 'Asia/Shanghai')::timestamp(0) AS at, h.source_kind, h.reason, f.holds, h.source_id
FROM dunning_hold h JOIN dunning_hold_fact f USING (source_kind, source_id)
WHERE h.household_id = :id AND (f.at AT TIME ZONE 'Asia/Shanghai')::date <= :as_of
ORDER BY f.at, h.source_kind, h.source_id, f.holds
""")
_URGINGS = text("""
SELECT urged_on, reference, note, logged_by FROM committee_urging
WHERE household_id = :id AND urged_on <= :as_of ORDER BY urged_on, id
""")
_FILES = text("""
SELECT v.happened_on, f.kind, v.status, v.note, v.recorded_by, f.id
FROM legal_file f JOIN legal_file_event v ON v.file_id = f.id
WHERE f.household_id = :id AND v.happened_on <= :as_of ORDER BY v.happened_on, v.id
""")
_LEDGER = text("""
SELECT e.id, e.booked_on, e.value_on, e.kind, e.debit_account, e.credit_account, e.amount_fen, e.bill_id, e.source
FROM ledger_entry e
WHERE e.household_id = :id AND COALESCE(e.value_on, e.booked_on) <= :as_of
  AND (e.bill_id IS NULL OR e.bill_id = ANY (:bills) OR 'customer_credit' IN (e.debit_account, e.credit_account))
ORDER BY e.id
""")


@dataclass(frozen=True)
class Payment:
    """A payment that was posted."""

    business_date: date
    channel: str
    amount_fen: int
    payment_id: UUID


@dataclass(frozen=True)
class Step:
    """A step of the ladder that was taken."""

    as_of: date
    step: str
    bill_id: int
    due_date: date
    overdue_days: int
    overdue_fen: int
    late_fee_fen: int
    deadline: date | None


@dataclass(frozen=True)
class Contact:
    """A talk with the owner, at Shanghai time."""

    at: datetime
    kind: str
    step: str | None
    answer: str
    note: str | None
    promised_on: date | None
    contacted_by: str


@dataclass(frozen=True)
class Service:
    """A source of holds opened or closed, at Shanghai time."""

    at: datetime
    source_kind: str
    reason: str
    holds: bool
    source_id: UUID


@dataclass(frozen=True)
class Urging:
    """The owners' committee urged the household."""

    urged_on: date
    reference: str
    note: str | None
    logged_by: str


@dataclass(frozen=True)
class FileEvent:
    """A status of a legal file."""

    happened_on: date
    kind: str
    status: str
    note: str | None
    recorded_by: str
    id: UUID


@dataclass(frozen=True)
class LedgerEntry:
    """A transfer in the ledger."""

    id: int
    booked_on: date
    value_on: date | None
    kind: str
    debit_account: str
    credit_account: str
    amount_fen: int
    bill_id: int | None
    source: str


@dataclass(frozen=True)
class Facts:
    """Every part's rows; units and deliveries are shown as they are, column by column."""

    units: Sequence[Sequence[object]]
    payments: Sequence[Payment]
    steps: Sequence[Step]
    deliveries: Sequence[Sequence[object]]
    contacts: Sequence[Contact]
    service: Sequence[Service]
    urgings: Sequence[Urging]
    files: Sequence[FileEvent]
    ledger: Sequence[LedgerEntry]


def facts(session: Session, household_id: int, as_of: date, bills: Sequence[int]) -> Facts:
    """Every part's rows; the ledger's are of these bills and of the prepaid balance, whichever bill moved it."""
    key = {"id": household_id, "as_of": as_of}
    return Facts(
        units=session.execute(_UNITS, key).all(),
        payments=rows_of(Payment, session.execute(_PAYMENTS, key)),
        steps=rows_of(Step, session.execute(_ACTIONS, key)),
        deliveries=session.execute(_DELIVERIES, key).all(),
        contacts=rows_of(Contact, session.execute(_CONTACTS, key)),
        service=rows_of(Service, session.execute(_SERVICE, key)),
        urgings=rows_of(Urging, session.execute(_URGINGS, key)),
        files=rows_of(FileEvent, session.execute(_FILES, key)),
        ledger=rows_of(LedgerEntry, session.execute(_LEDGER, {**key, "bills": list(bills)})),
    )
