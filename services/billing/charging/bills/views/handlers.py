"""STORY of showing bills: who asks, which bills, and why a bill is what it is (B1, B3)."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import cast

from sqlalchemy.orm import Session

from services.billing.charging.bills.views import rules, tables
from services.billing.charging.bills.views.rules import KeptLine, KeptPiece, KeptRate, Term
from services.billing.charging.bills.views.tables import BillRow
from services.billing.charging.tariffs.handlers import tariff_view
from services.billing.charging.tariffs.tables import TariffRow, load_tariff
from services.billing.portfolio.tables import find_household
from services.common.contracts.answers.base import Bilingual, Page
from services.common.contracts.answers.bills import BillStatus, BillSummary
from services.common.contracts.answers.explanations import (
    BillExplanation,
    DueDay,
    MeteredInputs,
    OneOffInputs,
    OpeningInputs,
    PayerStay,
    RateInputs,
    SharedInputs,
)
from services.common.contracts.answers.tariffs import BillingTerms
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import format_period
from services.common.domain.money import yuan
from services.common.domain.permissions import Permission
from services.common.paging import page, position


def list_bills(
    session: Session, caller: Caller, code: str, status: BillStatus | None, limit: int, cursor: str | None
) -> Page[BillSummary]:
    """Bills of a household, oldest due first. NotFound, Forbidden, Invalid (cursor)."""
    caller.require(Permission.READ_STATEMENT)
    after = position(cursor, date.fromisoformat, int)
    rows = tables.bills_after(session, find_household(session, caller, code).id, status, after, limit + 1)
    items, next_cursor = page(rows, limit, lambda row: [row.due_date, row.id])
    return Page(items=[bill_view(row) for row in items], next_cursor=next_cursor)


def bill_view(row: BillRow) -> BillSummary:
    """A bill as the API shows it."""
    is_void = row.voided_at is not None
    return BillSummary(
        id=row.id,
        unit=f"{row.estate}/{row.unit}",
        fee_item=row.fee_item,
        period=format_period(row.period),
        months=row.months,
        amount_fen=row.amount_fen,
        paid_fen=row.paid_fen,
        waived_fen=row.waived_fen,
        outstanding_fen=0 if is_void else row.amount_fen - row.paid_fen - row.waived_fen,
        due_date=row.due_date,
        issued_on=row.issued_on,
        status=rules.status(row.amount_fen, row.paid_fen, row.waived_fen, is_void=is_void),
    )


def explain_bill(session: Session, caller: Caller, bill_id: int) -> BillExplanation:
    """Why a bill is what it is: tariff version, inputs, formula, rounding, due date; texts in zh-CN and en.

    `formula`, evaluated and rounded half up to the fen, plus `rounding_fen`, is the amount. NotFound, Forbidden. An
    opening balance and a one-off service have no tariff: they stand as brought in or agreed.
    """
    caller.require(Permission.READ_STATEMENT)
    row = tables.load_bill(session, bill_id)
    if row is None:
        raise NotFound(f"There is no bill {bill_id}.")
    caller.require_household(row.household, row.estate)
    if row.charge_id is not None:
        return _explain_charge(row)
    return _explain_opening(row) if row.tariff_id is None else _explain_by_tariff(session, row, row.tariff_id)


def _explain_opening(row: BillRow) -> BillExplanation:
    amount = yuan(row.amount_fen)
    text = Bilingual({"zh-CN": f"期初欠费导入：{amount} 元", "en": f"Opening balance as imported: {amount} yuan"})
    return _as_it_stands(row, OpeningInputs(amount_yuan=amount), text, f"opening balance = {amount}")


def _explain_charge(row: BillRow) -> BillExplanation:
    amount, what = yuan(row.amount_fen), str((row.inputs or {})["description"])
    text = Bilingual({"zh-CN": f"一次性服务：{what}，{amount} 元", "en": f"One-off service: {what}, {amount} yuan"})
    inputs = OneOffInputs(method="one_off", description=what, amount_fen=row.amount_fen)
    return _as_it_stands(row, inputs, text, rules.formula(rules.amount_term(row.amount_fen)))


def _as_it_stands(row: BillRow, inputs: OneOffInputs | OpeningInputs, text: Bilingual, formula: str) -> BillExplanation:
    return BillExplanation(
        **bill_view(row),
        household=row.household,
        tariff=None,
        tariff_version=None,
        inputs=inputs,
        exact_yuan=yuan(row.amount_fen),
        formula=formula,
        text=text,
        rounding="none",
        rounding_fen=0,
        due=None,
    )


def _explain_by_tariff(session: Session, row: BillRow, tariff_id: int) -> BillExplanation:
    tariff = load_tariff(session, tariff_id)
    basis = tables.rates_used(session, row)
    inputs, terms = _terms(row, tariff, basis["rates"])
    rounding_fen = (row.inputs or {}).get("rounding_fen", 0)
    return BillExplanation(
        **bill_view(row),
        household=row.household,
        tariff=tariff_view(tariff, row.estate),
        tariff_version=tariff.version,
        inputs=inputs,
        exact_yuan=rules.exact_yuan(terms),
        formula=rules.formula(terms),
        text=rules.explanation(terms, row.amount_fen, rounding_fen),
        rounding="half_up to the fen, once",
        rounding_fen=rounding_fen,
        due=_due_day(row, basis["policy"]),
    )


def _due_day(row: BillRow, policy: BillingTerms) -> DueDay:
    return DueDay(
        policy=policy, text=rules.due_explanation(policy, row.due_date, is_reissue=row.reissue_of is not None)
    )


def _terms(
    row: BillRow, tariff: TariffRow, rates: Sequence[KeptRate]
) -> tuple[RateInputs | MeteredInputs | SharedInputs, Sequence[Term]]:
    """What the bill was made from, and the arithmetic."""
    inputs = row.inputs or {}
    if inputs.get("method") == "metered":
        metered_inputs = tables.METERED_INPUTS.validate_python(inputs)
        return metered_inputs, rules.metered_terms(metered_inputs)
    if inputs.get("method") == "shared":
        shared_inputs = tables.SHARED_INPUTS.validate_python(inputs)
        return shared_inputs, rules.shared_terms(shared_inputs)
    return _terms_by_rate(row, tariff, cast("KeptLine", inputs), rates)


def _terms_by_rate(
    row: BillRow, tariff: TariffRow, line: KeptLine, rates: Sequence[KeptRate]
) -> tuple[RateInputs, Sequence[Term]]:
    pieces, grade = line.get("pieces"), line.get("grade")
    area_m2, vacant = row.area_m2 or Decimal(0), bool(row.vacant)
    if pieces is None:
        whole = next(r for r in rates if (r["fee_item"], r["usage"]) == (tariff.fee_item, tariff.usage))
        stays, parts = None, rules.parts_of(whole, vacant=vacant, grade=grade)
    else:
        stays = [_stay(piece) for piece in pieces]
        parts_by_piece = (rules.parts_of(piece["rate"], vacant=piece["vacant"], grade=grade) for piece in pieces)
        parts = [part for of_piece in parts_by_piece for part in of_piece]
    inputs = RateInputs(
        method="per_area" if tariff.method == "per_area" else "fixed",
        area_m2=area_m2,
        vacant=vacant,
        grade=grade,
        days=stays,
        parts=parts,
    )
    return inputs, rules.rate_terms(area_m2, parts)


def _stay(piece: KeptPiece) -> PayerStay:
    first, last = date.fromisoformat(piece["first_day"]), date.fromisoformat(piece["last_day"])
    return PayerStay(first_day=first, last_day=last, vacant=piece["vacant"])
