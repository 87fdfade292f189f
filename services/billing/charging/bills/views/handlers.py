"""STORY of showing bills: who asks, which bills, and why a bill is what it is (B1, B3)."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.charging.bills.views import rules, tables
from services.billing.charging.tariffs.handlers import tariff_view
from services.billing.charging.tariffs.tables import load_tariff
from services.billing.portfolio.tables import find_household
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
        "months": row.months,
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

    `formula`, evaluated and rounded half up to the fen, plus `rounding_fen`, is the amount. NotFound, Forbidden. An
    opening balance and a one-off service have no tariff: they stand as brought in or agreed.
    """
    caller.require(*STAFF_ROLES, "owner")
    row = tables.load_bill(session, bill_id)
    if row is None:
        raise NotFound(f"There is no bill {bill_id}.")
    caller.require_household(row.household, row.estate)
    if row.charge_id is not None:
        told = _charged(row)
    else:
        told = _brought_in(row) if row.tariff_id is None else _computed(session, row)
    return bill_view(row) | {"household": row.household} | told


def _brought_in(row: Row[Any]) -> dict[str, Any]:
    amount = yuan(row.amount_fen)
    text = {"zh-CN": f"期初欠费导入：{amount} 元", "en": f"Opening balance as imported: {amount} yuan"}
    return _as_it_stands(row, text, f"opening balance = {amount}")


def _charged(row: Row[Any]) -> dict[str, Any]:
    amount, what = yuan(row.amount_fen), row.inputs["description"]
    text = {"zh-CN": f"一次性服务：{what}，{amount} 元", "en": f"One-off service: {what}, {amount} yuan"}
    return _as_it_stands(row, text, rules.formula(rules.amount_term(row.amount_fen))) | {"inputs": row.inputs}


def _as_it_stands(row: Row[Any], text: dict[str, str], formula: str) -> dict[str, Any]:
    amount = yuan(row.amount_fen)
    return {
        "tariff": None,
        "tariff_version": None,
        "inputs": {"amount_yuan": amount},
        "exact_yuan": amount,
        "formula": formula,
        "text": text,
        "rounding": "none",
        "rounding_fen": 0,
        "due": None,
    }


def _computed(session: Session, row: Row[Any]) -> dict[str, Any]:
    tariff = load_tariff(session, row.tariff_id)
    used = tables.rates_used(session, row)
    inputs, terms = _terms(row, tariff, used)
    rounding_fen = (row.inputs or {}).get("rounding_fen", 0)
    return {
        "tariff": tariff_view(tariff, row.estate),
        "tariff_version": tariff.version,
        "inputs": inputs,
        "exact_yuan": rules.exact_yuan(terms),
        "formula": rules.formula(terms),
        "text": rules.explanation(terms, row.amount_fen, rounding_fen),
        "rounding": "half_up to the fen, once",
        "rounding_fen": rounding_fen,
        "due": {"policy": used["policy"], "text": rules.due_explanation(used["policy"], row.due_date)},
    }


def _terms(row: Row[Any], tariff: Row[Any], used: dict[str, Any]) -> tuple[dict[str, Any], Sequence[rules.Term]]:
    """What the bill was made from, and the arithmetic."""
    kept = row.inputs or {}
    if kept.get("method") == "metered":
        return kept, rules.metered_terms(kept)
    if kept.get("method") == "shared":
        return kept, rules.shared_terms(kept)
    inputs = {"method": tariff.method, "area_m2": row.area_m2, "vacant": row.vacant, "grade": kept.get("grade")}
    if "pieces" in kept:
        pieces = [(piece["rate"], piece["vacant"]) for piece in kept["pieces"]]
        days = [{"first_day": p["first_day"], "last_day": p["last_day"], "vacant": p["vacant"]} for p in kept["pieces"]]
        inputs |= {"days": days}
    else:
        key = (tariff.fee_item, tariff.usage)
        pieces = [(next(r for r in used["rates"] if (r["fee_item"], r["usage"]) == key), row.vacant)]
    found = (rules.parts_of(rate, vacant=vacant, grade=kept.get("grade")) for rate, vacant in pieces)
    parts = [part for one in found for part in one]
    return inputs | {"parts": [asdict(part) for part in parts]}, rules.rate_terms(row.area_m2, parts)
