"""VOCABULARY of late fees by estate (C1)."""

from dataclasses import dataclass
from datetime import date

from typing_extensions import TypedDict

from services.common.fields import Fen, Whole


@dataclass(frozen=True)
class EstateLateFees:
    """Late fee due on an estate, and the principal of its bills that are past due and grace."""

    estate: str
    bills: Whole
    principal_fen: Fen
    late_fee_fen: Fen


class LateFees(TypedDict):
    """Late fee due and principal overdue, by estate and in all (C1)."""

    as_of: date
    estates: list[EstateLateFees]
    principal_fen: Fen
    late_fee_fen: Fen
