"""What tests of prices need beside the desk: hand-overs, explanations and what they compute to."""

import re
from datetime import date
from fractions import Fraction
from math import floor

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.billing.charging.bills.views import handlers as views
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.common.contracts.answers.explanations import BillExplanation
from tests.support.billing.books import Books
from tests.support.billing.desk import FINANCE, Desk
from tests.support.billing.relief import Relief


def explained(desk: Desk) -> list[BillExplanation]:
    """Every bill's explanation, in the order in which they were issued."""
    ids = desk.rows("SELECT id FROM bill ORDER BY id")
    with Session(desk.engine) as session:
        return [views.explain_bill(session, FINANCE, bill_id) for (bill_id,) in ids]


def evaluate(formula: str) -> Fraction:
    """The value of what stands left of = or ≈."""
    total = Fraction(0)
    for term in re.split(r"[=≈]", formula)[0].strip().split(" + "):
        value = Fraction(1)
        for factor in term.split(" × "):
            number, _, divisor = factor.partition("/")
            value *= Fraction(number) / Fraction(divisor or 1)
        total += value
    return total


def assert_explained(desk: Desk) -> None:
    """Every bill's formula, evaluated and rounded, is its amount; the ledger balances."""
    told = explained(desk)
    assert told
    for one in told:
        computed = floor(evaluate(one["formula"]) * 100 + Fraction(1, 2)) + one["rounding_fen"]
        assert computed == one["amount_fen"], one["formula"]
        assert set(one["text"]) == {"zh-CN", "en"}
    with Session(desk.engine) as session:
        assert imbalance_fen(session) == 0


def hand_over(desk: Desk, unit: str, old: str, new: str, day: str) -> None:
    """`new` pays for the unit from `day` on."""
    desk.write(
        """INSERT INTO unit_payer (unit_id, household_id, role, from_date, to_date)
           SELECT u.id, h.id, 'owner', d.first, d.last FROM unit u, household h,
             (VALUES (:old, DATE '1990-01-01', CAST(:day AS date) - 1),
                     (:new, CAST(:day AS date), NULL)) d(code, first, last)
           WHERE u.code = :unit AND h.code = d.code""",
        unit=unit,
        old=old,
        new=new,
        day=day,
    )


def periods(desk: Desk, fee_item: str = "property_fee") -> list[tuple[str, str, int, int]]:
    """(unit, first month, months, fen) of the bills of a fee that stand."""
    return [
        (str(code), str(period), months, fen)
        for code, period, months, fen in desk.rows(
            """SELECT u.code, to_char(period, 'YYYY-MM'), months, amount_fen FROM bill b JOIN unit u ON u.id = b.unit_id
               WHERE fee_item = :fee_item AND voided_at IS NULL ORDER BY 1, 2, b.id""",
            fee_item=fee_item,
        )
    ]


def give_credit(desk: Desk, household: str, fen: int, on: date = date(2026, 1, 1)) -> None:
    """Money of a household that was paid before anything was owed."""
    with Session(desk.engine) as session, session.begin():
        Books(session).prepay(fen, on, household)


def void_all(desk: Desk) -> None:
    """Void every bill that stands."""
    with Session(desk.engine) as session, session.begin():
        for bill_id in session.scalars(text("SELECT id FROM bill WHERE voided_at IS NULL ORDER BY id")).all():
            Relief(Books(session), desk.now).void(bill_id)
