"""STORY of lines: amounts that take more than a rate and an area, worked out by `rules.py` for their units (A1).

They are few beside the units that a rate prices, so they are computed here and go into the same statement as those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
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
    amounts = rules.split_by_day(rate, unit.area_m2, spans, vacant=unit.status == "vacant")
    for days, (part, fen) in zip(payers, amounts, strict=True):
        inputs = {"first_day": days.first, "last_day": days.last, "rate": asdict(part)}
        yield Line(unit.id, days.household_id, rate.fee_item, rate.tariff_id, fen, inputs)
