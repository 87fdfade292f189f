"""STORE of the evidence pack: what billing knows of one household up to a day, part by part."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

_UNITS = """
SELECT u.building, u.code, u.area_m2, u.usage, u.status, u.move_in_date FROM unit u WHERE u.household_id = :id
ORDER BY u.id
"""
_PAYMENTS = """
SELECT business_date, channel, amount_fen, payment_id FROM payment_posting
WHERE household_id = :id AND business_date <= :as_of ORDER BY business_date, settled_at, payment_id
"""
_ACTIONS = """
SELECT as_of, step, bill_id, due_date, overdue_days, overdue_fen, late_fee_fen, deadline FROM dunning_action
WHERE household_id = :id AND as_of <= :as_of ORDER BY as_of, id
"""
_DELIVERIES = """
SELECT delivered_on, template, step, bill_id, channel, outcome, proof, stated_on, deadline, message_id
FROM delivery_fact
WHERE household_id = :id AND delivered_on <= :as_of ORDER BY delivered_on, message_id
"""
_CONTACTS = """
SELECT (contacted_at AT TIME ZONE 'Asia/Shanghai')::timestamp(0) AS at, kind, step, answer, note, promised_on,
       contacted_by
FROM dunning_contact
WHERE household_id = :id AND (contacted_at AT TIME ZONE 'Asia/Shanghai')::date <= :as_of ORDER BY contacted_at, id
"""
# Every opening and closing is kept: the record of complaints, orders, payments, plans and waivers (D3).
_SERVICE = """
SELECT (f.at AT TIME ZONE 'Asia/Shanghai')::timestamp(0) AS at, h.source_kind, h.reason, f.holds, h.source_id
FROM dunning_hold h JOIN dunning_hold_fact f USING (source_kind, source_id)
WHERE h.household_id = :id AND (f.at AT TIME ZONE 'Asia/Shanghai')::date <= :as_of
ORDER BY f.at, h.source_kind, h.source_id, f.holds
"""
_URGINGS = """
SELECT urged_on, reference, note, logged_by FROM committee_urging
WHERE household_id = :id AND urged_on <= :as_of ORDER BY urged_on, id
"""
_FILES = """
SELECT v.happened_on, f.kind, v.status, v.note, v.recorded_by, f.id
FROM legal_file f JOIN legal_file_event v ON v.file_id = f.id
WHERE f.household_id = :id AND v.happened_on <= :as_of ORDER BY v.happened_on, v.id
"""
_LEDGER = """
SELECT e.id, e.booked_on, e.value_on, e.kind, e.debit_account, e.credit_account, e.amount_fen, e.bill_id, e.source
FROM ledger_entry e
WHERE e.household_id = :id AND COALESCE(e.value_on, e.booked_on) <= :as_of
  AND (e.bill_id IS NULL OR e.bill_id = ANY (:bills) OR 'customer_credit' IN (e.debit_account, e.credit_account))
ORDER BY e.id
"""
QUERIES = {
    "units": text(_UNITS),
    "payments": text(_PAYMENTS),
    "actions": text(_ACTIONS),
    "deliveries": text(_DELIVERIES),
    "contacts": text(_CONTACTS),
    "service": text(_SERVICE),
    "urgings": text(_URGINGS),
    "files": text(_FILES),
    "ledger": text(_LEDGER),
}


def facts(session: Session, household_id: int, as_of: date, bills: Sequence[int]) -> dict[str, Sequence[Row[Any]]]:
    """Every part's rows; the ledger's are of these bills and of the prepaid balance, whichever bill moved it."""
    key = {"id": household_id, "as_of": as_of, "bills": list(bills)}
    return {name: session.execute(query, key).all() for name, query in QUERIES.items()}
