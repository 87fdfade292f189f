"""LAW of the trial balance (B7): accounts, and the sums that must agree wherever the same money is kept twice."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from services.billing.receivables.ledger.rules import (
    BILL_VOIDED,
    CUSTOMER_CREDIT,
    FEE_INCOME,
    OPENING_EQUITY,
    RECEIVABLE,
    WAIVER_REVERSED,
)
from services.common.contracts.answers.trial_balance import AccountBalance, BalanceChecks


@dataclass(frozen=True)
class Moved:
    """What went from one account to another on an estate, in fen."""

    estate_id: int
    debit_account: str
    credit_account: str
    amount_fen: int
    # BILL_VOIDED or WAIVER_REVERSED, else empty
    undone: str = ""


@dataclass(frozen=True)
class Kept:
    """What an estate's bills, households and rollups say, in fen."""

    estate_id: int
    bills_open_fen: int = 0
    bills_waived_fen: int = 0
    household_credit_fen: int = 0
    rolled_billed_fen: int = 0
    rolled_collected_fen: int = 0
    rolled_waived_fen: int = 0


NO_DIFFERENCE = BalanceChecks(0, 0, 0, 0, 0, 0)


def accounts(moved: Iterable[Moved], before: Iterable[AccountBalance] = ()) -> list[AccountBalance]:
    """Debit, credit and balance per account, by name, upon those of an earlier day."""
    debit: dict[str, int] = defaultdict(int)
    credit: dict[str, int] = defaultdict(int)
    for was in before:
        debit[was.account] += was.debit_fen
        credit[was.account] += was.credit_fen
    for move in moved:
        debit[move.debit_account] += move.amount_fen
        credit[move.credit_account] += move.amount_fen
    names = sorted(debit.keys() | credit.keys())
    return [AccountBalance(name, debit[name], credit[name], debit[name] - credit[name]) for name in names]


def total_fen(checks: BalanceChecks) -> int:
    """All differences together: zero, always."""
    return sum(vars(checks).values())


def _plus(one: BalanceChecks, other: BalanceChecks) -> BalanceChecks:
    return BalanceChecks(**{name: value + vars(other)[name] for name, value in vars(one).items()})


def check(moved: Iterable[Moved], kept: Iterable[Kept]) -> BalanceChecks:
    """Compare per estate, so that differences of two estates cannot hide each other."""
    by_estate: dict[int, list[Moved]] = defaultdict(list)
    for move in moved:
        by_estate[move.estate_id].append(move)
    said = {row.estate_id: row for row in kept}
    total = NO_DIFFERENCE
    for estate_id in by_estate.keys() | said.keys():
        total = _plus(total, _check_estate(by_estate[estate_id], said.get(estate_id, Kept(estate_id))))
    return total


def collected(moved: Iterable[Moved]) -> int:
    """Principal received, as the ledger has it: money, prepaid balance, and what was paid before the opening."""
    return sum(_collected(move) for move in moved)


def _check_estate(moved: list[Moved], kept: Kept) -> BalanceChecks:
    balance = {account.account: account.balance_fen for account in accounts(moved)}
    receivable = balance.get(RECEIVABLE, 0)
    rolled = kept.rolled_billed_fen - kept.rolled_collected_fen - kept.rolled_waived_fen
    return BalanceChecks(
        receivable_and_bills_fen=abs(receivable - kept.bills_open_fen),
        credit_and_households_fen=abs(-balance.get(CUSTOMER_CREDIT, 0) - kept.household_credit_fen),
        receivable_and_rollups_fen=abs(receivable - rolled),
        collected_and_rollups_fen=abs(collected(moved) - kept.rolled_collected_fen),
        waived_and_rollups_fen=abs(kept.bills_waived_fen - kept.rolled_waived_fen),
        waived_and_bills_fen=abs(sum(map(_waived, moved)) - kept.bills_waived_fen),
    )


def _waived(move: Moved) -> int:
    if (move.debit_account, move.credit_account) == (FEE_INCOME, RECEIVABLE) and move.undone != BILL_VOIDED:
        return move.amount_fen
    return -move.amount_fen if move.undone == WAIVER_REVERSED else 0


def _collected(move: Moved) -> int:
    if move.undone == BILL_VOIDED:
        return 0  # an opening balance goes back where it came from; nobody paid it
    if move.credit_account == RECEIVABLE and _is_payer(move.debit_account):
        return move.amount_fen
    if move.debit_account == RECEIVABLE and _is_payer(move.credit_account) and move.credit_account != OPENING_EQUITY:
        return -move.amount_fen
    return 0


def _is_payer(account: str) -> bool:
    return account.startswith("cash_") or account in (CUSTOMER_CREDIT, OPENING_EQUITY)
