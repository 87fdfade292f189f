"""STORY of plans and late fees: what plans freeze, and on which bills only late fee is left (C1, C3)."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from services.billing.receivables.late_fee.open_bills import open_bills, policy_of
from services.billing.receivables.late_fee.rules import only_fee_is_left
from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.ledger.rules import Account
from services.billing.receivables.plans.rules import frozen_on
from services.billing.receivables.plans.tables import planned


def keep_fee_left_of(session: Session, account: Account, bill_ids: Sequence[int]) -> None:
    """Say again of a locked household's bills, and of those of its plans, whether only late fee is left on them."""
    plans = planned(session, account.id)
    touched = {*bill_ids, *plans.principal}
    rows = tables.bills_named(session, account.id, touched)
    bills = open_bills(rows, entries_by_bill(session, list(rows)))
    frozen = frozen_on(list(plans.plans.values()), bills, date.max)
    left = {bill.id: only_fee_is_left(bill, policy_of(account), frozen.of(bill.id)) for bill in bills}
    changed = {bill_id: is_left for bill_id, is_left in left.items() if is_left != rows[bill_id].fee_left}
    tables.keep_fee_left(session, account.id, changed)
