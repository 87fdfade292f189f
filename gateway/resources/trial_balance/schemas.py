"""The trial balance over HTTP (B7)."""

from typing import Any

from pydantic import BaseModel

from gateway.resources.base import shown
from services.common.fields import Fen


class TrialBalance(BaseModel):
    """Accounts and their balances; the difference is zero at all times (B7)."""

    model_config = shown(
        accounts=[{"account": "receivable", "debit_fen": 31814, "credit_fen": 0, "balance_fen": 31814}],
        difference_fen=0,
    )
    accounts: list[Any]
    difference_fen: Fen
