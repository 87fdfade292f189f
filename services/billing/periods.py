"""LAW of months as callers write them: "YYYY-MM", or a clear answer which argument is none (A3, B4, B8, J1)."""

from datetime import date

from services.common.contracts.errors import Invalid
from services.common.domain.calendar import parse_period


def first_of(period: str, name: str = "period") -> date:
    """The first day of "YYYY-MM"; Invalid naming the argument otherwise."""
    try:
        return parse_period(period)
    except ValueError as error:
        raise Invalid("The period is not valid.", [{"loc": name, "msg": str(error)}]) from error
