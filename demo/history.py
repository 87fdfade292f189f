"""The months before: what was billed and what was paid until the day the portfolio is made for (opening balances).

Bills are monthly, in arrears, due on the 15th of the next month (B3). The last full month before `as_of` is not in the
history: it is the one the demo bills itself. What would have been paid on or after `as_of` is still open.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from demo.payers import delay, habit
from demo.portfolio import EstatePortfolio, Tariff, Unit
from services.common.domain.calendar import add_months
from services.common.domain.money import half_up

DUE_DAY = 15


@dataclass(frozen=True, slots=True)
class OpeningBill:
    """One bill of the past: `period` is the first of its month, money in fen."""

    unit: str
    household: str
    fee_item: str
    period: date
    due_date: date
    amount_fen: int
    paid_fen: int
    paid_on: date | None


def last_full_month(as_of: date) -> date:
    """The first day of the last month that was over by `as_of`: the month the demo bills."""
    return add_months(as_of.replace(day=1), -1)


def due_date(period: date) -> date:
    """When the bills of a month are due (B3)."""
    return add_months(period, 1).replace(day=DUE_DAY)


def periods(as_of: date, months: int) -> list[date]:
    """The months of the history, oldest first; the last one ends before the last full month begins."""
    last = last_full_month(as_of)
    return [add_months(last, -back) for back in range(months, 0, -1)]


def opening_bills(part: EstatePortfolio) -> Iterator[OpeningBill]:
    """Every bill of the estate's history, by unit and within it oldest first."""
    tariffs = {tariff.usage: tariff for tariff in part.tariffs}
    months = periods(part.as_of, part.months)
    for unit in part.units:
        yield from _unit_history(part, unit, tariffs[unit.usage], months)


def monthly_fen(unit: Unit, tariff: Tariff) -> int:
    """What one month of the unit costs: area × price, less for a flat nobody lives in, rounded half up once."""
    quantity = unit.area_m2 if tariff.method == "per_area" else Decimal(1)
    vacant = unit.status == "vacant" and tariff.vacancy_ratio is not None
    ratio = (tariff.vacancy_ratio if vacant else None) or Decimal(1)
    return half_up(quantity * tariff.unit_price * ratio * 100)


def _unit_history(part: EstatePortfolio, unit: Unit, tariff: Tariff, months: list[date]) -> Iterator[OpeningBill]:
    household = unit.household
    random = Random(f"{part.seed}/{part.estate.code}/{household.code}/{unit.code}")
    usual, amount, paid_until = habit(random, household.payer), monthly_fen(unit, tariff), date.min
    for back, period in zip(range(len(months), 0, -1), months, strict=True):
        due = due_date(period)
        days = delay(random, household.payer, usual)
        share = Decimal(random.randrange(40, 90)) / 100 if back <= household.disputes else Decimal(1)
        # Oldest first (B9): who leaves a bill unpaid for good pays no younger one either.
        paid_until = date.max if days is None else max(due + timedelta(days=days), paid_until)
        if paid_until >= part.as_of:
            yield OpeningBill(unit.code, household.code, tariff.fee_item, period, due, amount, 0, None)
        else:
            paid = half_up(amount * share)
            yield OpeningBill(unit.code, household.code, tariff.fee_item, period, due, amount, paid, paid_until)
