"""VOCABULARY of the trial balance (B7): accounts, and the sums that must agree."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen


@dataclass(frozen=True)
class AccountBalance:
    """Debit and credit of one account; `balance_fen` is debit − credit."""

    account: str
    debit_fen: Fen
    credit_fen: Fen
    balance_fen: Fen


@dataclass(frozen=True)
class BalanceChecks:
    """What must be nothing; the name says which two differ. Over several estates the absolute differences add up."""

    receivable_and_bills_fen: Fen
    credit_and_households_fen: Fen
    receivable_and_rollups_fen: Fen
    collected_and_rollups_fen: Fen
    waived_and_rollups_fen: Fen
    waived_and_bills_fen: Fen


class TrialBalance(TypedDict):
    """Accounts and their balances; the difference is zero at all times (B7)."""

    accounts: list[AccountBalance]
    difference_fen: Annotated[Fen, Field(description="All debits − all credits: zero, always")]
    imbalance_fen: Annotated[Fen, Field(description="The difference and all checks together: zero, always")]
    checks: BalanceChecks
    receivable_fen: Annotated[Fen, Field(description="What households owe, as the ledger has it")]
    bills_open_fen: Annotated[Fen, Field(description="What households owe, as the bills have it")]
