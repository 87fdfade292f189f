"""Late fees by estate over HTTP (C1)."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from gateway.resources.base import shown
from services.common.fields import Fen


class LateFees(BaseModel):
    """Late fee due and principal overdue by estate (C1)."""

    model_config = shown(
        as_of="2026-11-20",
        estates=[{"estate": "GZ01", "late_fee_fen": 4830, "principal_fen": 318140, "bills": 12}],
        late_fee_fen=4830,
        principal_fen=318140,
    )
    as_of: date
    estates: list[Any]
    late_fee_fen: Fen
    principal_fen: Fen
