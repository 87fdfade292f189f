"""LAW of months as callers write them: "YYYY-MM", or a clear answer which argument is none (A3, B4, B8, J1)."""

from datetime import date

from services.common.calendar import parse_period
from services.common.contracts.errors import Invalid

YEARS = range(1900, 2200)


def first_of(period: str, name: str = "period") -> date:
    """The first day of "YYYY-MM"; Invalid naming the argument otherwise, or in a year that no bill can be of."""
    try:
        first = parse_period(period)
    except ValueError as error:
        raise Invalid("The period is not valid.", [{"loc": name, "msg": str(error)}]) from error
    if first.year not in YEARS:
        raise Invalid("The period is not valid.", [{"loc": name, "msg": f"from {YEARS.start} to {YEARS.stop - 1}"}])
    return first
