"""How a bill and a late fee come about, computed again with pencil and paper (B2, C1).

The demo's tariffs multiply an area by a price; the late fee is what an untouched bill owes, times a daily rate, times
the days after its due date, rounded half up once.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from demo.api import Json
from demo.stage import Stage, money
from services.common.domain.money import half_up

DAILY_RATE = Decimal("0.0003")  # 万分之三, the product's own until an estate has agreed on another
LOOKED_AT = 100  # households that are looked at to find a bill that suits


def show_the_arithmetic(stage: Stage) -> Json:
    """A bill of the month and an older one that is late. Figures: bill, amount_fen, days_late, late_fee_fen; {} when
    there are no two such bills."""
    stage.act("How a figure comes about 费用明细")
    bill, late = next(_bills_to_explain(stage), (None, None))
    if bill is None or late is None:
        stage.say("  nobody owes a whole bill of the month and a late one: nothing to explain in this run")
        return {}
    explained = stage.finance.get(f"/v1/bills/{bill['id']}/explanation")
    days, owed, late_fee = late["overdue_days"], late["outstanding_fen"], late["late_fee_fen"]
    stage.say(f"  {bill['unit']}, {bill['period']}: {explained['text']['en']}")
    stage.say(f"  {late['unit']}, {late['period']}, unpaid {days} days after {late['due_date']}: ")
    stage.say(f"    {money(owed)} × 0.03 % × {days} = {money(late_fee)}")
    stage.check("the bill is area × price, rounded half up once", _area_times_price(explained), bill["amount_fen"])
    stage.check("a late fee is owed × rate × days, rounded half up once", half_up(owed * DAILY_RATE * days), late_fee)
    return {"bill": bill["id"], "amount_fen": bill["amount_fen"], "days_late": days, "late_fee_fen": late_fee}


def _bills_to_explain(stage: Stage) -> Iterator[tuple[Json, Json]]:
    """A whole bill of the month of an occupied flat and a late one of the same household, both untouched."""
    late = (
        unit
        for part in stage.portfolio.estates
        for unit in part.units
        if part.estate.late_fee_clause and unit.usage == "residential" and unit.status == "occupied"
        if unit.household.payer.name != "on_time"
    )
    for unit in islice(late, LOOKED_AT):
        statement = stage.finance.get(f"/v1/households/{unit.household.code}/statement")
        untouched = [bill for bill in statement["bills"] if bill["outstanding_fen"] == bill["amount_fen"]]
        current = (b for b in untouched if b["period"] == stage.period and b["unit"].endswith(unit.code))
        overdue = [bill for bill in untouched if bill["late_fee_fen"] > 0]
        yield from ((bill, overdue[-1]) for bill in current if overdue)


def _area_times_price(explained: Json) -> int:
    area, price = explained["inputs"]["area_m2"], explained["tariff"]["unit_price_yuan"]
    return half_up(Decimal(area) * Decimal(price) * 100)
