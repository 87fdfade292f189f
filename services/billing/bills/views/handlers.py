"""STORY of showing bills: who asks, which bills, and why a bill is what it is (B1, B3)."""

from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.bills.views import rules, tables
from services.billing.portfolio.tables import find_household
from services.billing.tariffs.handlers import tariff_view
from services.billing.tariffs.tables import load_tariff
from services.common.access import STAFF_ROLES, Caller
from services.common.calendar import format_period
from services.common.contracts.errors import Invalid, NotFound
from services.common.money import yuan
from services.common.paging import page, position


def list_bills(
    session: Session, caller: Caller, code: str, status: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """Bills of a household, oldest due first.

    `{"items": [{id, unit, fee_item, period, amount_fen, outstanding_fen, due_date, status, …}], "next_cursor"}`.
    """
    if status is not None and status not in rules.STATUSES:
        raise Invalid("The status is not valid.", [{"loc": "status", "msg": f"one of {', '.join(rules.STATUSES)}"}])
    after = position(cursor, date.fromisoformat, int)
    rows = tables.bills_after(session, find_household(session, caller, code).id, status, after, limit + 1)
    items, next_cursor = page(rows, limit, lambda row: [row.due_date, row.id])
    return {"items": [bill_view(row) for row in items], "next_cursor": next_cursor}


def bill_view(row: Row[Any]) -> dict[str, Any]:
    """A bill as the API shows it."""
    voided = row.voided_at is not None
    return {
        "id": row.id,
        "unit": f"{row.estate}/{row.unit}",
        "fee_item": row.fee_item,
        "period": format_period(row.period),
        "amount_fen": row.amount_fen,
        "paid_fen": row.paid_fen,
        "waived_fen": row.waived_fen,
        "outstanding_fen": 0 if voided else row.amount_fen - row.paid_fen - row.waived_fen,
        "due_date": row.due_date,
        "issued_on": row.issued_on,
        "status": rules.status(row.amount_fen, row.paid_fen, row.waived_fen, voided=voided),
    }


def explain_bill(session: Session, caller: Caller, bill_id: int) -> dict[str, Any]:
    """Why a bill is what it is: tariff version, inputs, formula, rounding, due date; texts in zh-CN and en.

    NotFound, Forbidden. An opening balance has no tariff: it was brought in as it stands.
    """
    caller.require(*STAFF_ROLES, "owner")
    row = tables.load_bill(session, bill_id)
    if row is None:
        raise NotFound(f"There is no bill {bill_id}.")
    caller.require_household(row.household, row.estate)
    told = _brought_in(row) if row.tariff_id is None else _computed(session, row)
    return bill_view(row) | {"household": row.household} | told


def _brought_in(row: Row[Any]) -> dict[str, Any]:
    amount = yuan(row.amount_fen)
    return {
        "tariff": None,
        "tariff_version": None,
        "inputs": {"amount_yuan": amount},
        "formula": f"opening balance = {amount}",
        "text": {"zh-CN": f"期初欠费导入：{amount} 元", "en": f"Opening balance as imported: {amount} yuan"},
        "rounding": "none",
        "due": None,
    }


def _computed(session: Session, row: Row[Any]) -> dict[str, Any]:
    tariff = load_tariff(session, row.tariff_id)
    used = tables.rates_used(session, row)
    priced = [(row.inputs or {}).get("rate"), *used["rates"]]
    rate = next(r for r in priced if r and (r["fee_item"], r["usage"]) == (tariff.fee_item, tariff.usage))
    inputs = rules.inputs_of(row.area_m2, vacant=row.vacant, rate=rate)
    return {
        "tariff": tariff_view(tariff, row.estate),
        "tariff_version": tariff.version,
        "inputs": asdict(inputs),
        "exact_yuan": rules.exact_yuan(inputs),
        "formula": rules.formula(inputs),
        "text": rules.explanation(inputs, row.amount_fen),
        "rounding": "half_up to the fen, once",
        "due": {"policy": used["policy"], "text": rules.due_explanation(used["policy"], row.due_date)},
    }
