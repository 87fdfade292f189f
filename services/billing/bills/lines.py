"""STORY of lines: amounts that take more than a rate and an area, worked out by `rules.py` for their units (A1).

They are few beside the units that a rate prices, so they are computed here and go into the same statement as those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.bills import rules, tables
from services.billing.bills.rules import Line, Prices, Rate
from services.billing.bills.tables import Slice
from services.billing.portfolio.payers import PayerDays, changed_hands


def prices(session: Session, piece: Slice, rates: Sequence[Rate]) -> Prices:
    """The rates of a slice, and lines for units whose payer changed in or since the month, each with its days (A1)."""
    last = rules.month_end(piece.period)
    found = changed_hands(session, piece.estate_id, piece.from_unit_id, piece.to_unit_id, piece.period, last)
    by_unit = {unit_id: list(days) for unit_id, days in groupby(found, key=lambda days: days.unit_id)}
    units = tables.units_by_id(session, list(by_unit))
    lines = [line for unit in units for rate in rates for line in _split(rate, unit, by_unit[unit.id])]
    return Prices(rates, lines, list(by_unit))


def _split(rate: Rate, unit: Row[Any], payers: Sequence[PayerDays]) -> Iterator[Line]:
    if rate.usage != unit.usage:
        return
    spans = [(days.first, days.last) for days in payers]
    unsold = [place for place, days in enumerate(payers) if days.role == "developer"]
    amounts = rules.split_by_day(rate, unit.area_m2, spans, vacant=unit.status == "vacant", unsold=unsold)
    parts = list(zip(payers, amounts, strict=True))
    for household_id in dict.fromkeys(days.household_id for days in payers):
        theirs = [(days, amount) for days, amount in parts if days.household_id == household_id]
        yield _line(unit.id, household_id, rate, theirs)


def _line(unit_id: int, household_id: int, rate: Rate, parts: Sequence[tuple[PayerDays, tuple[Rate, int]]]) -> Line:
    """One line for all the days of a household, be they in one piece or, after a move there and back, in several."""
    priced = replace(rate, parts=tuple(part for _, (one, _) in parts for part in one.parts))
    inputs = {"first_day": parts[0][0].first, "last_day": parts[-1][0].last, "rate": asdict(priced)}
    return Line(unit_id, household_id, rate.fee_item, rate.tariff_id, sum(fen for _, (_, fen) in parts), inputs)
