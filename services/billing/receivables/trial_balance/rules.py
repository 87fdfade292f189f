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
class Flow:
    """What went from one account to another on an estate, in fen."""

    estate_id: int
    debit_account: str
    credit_account: str
    amount_fen: int
    # BILL_VOIDED or WAIVER_REVERSED, else empty
    undone: str = ""


@dataclass(frozen=True)
class StoredSums:
    """What an estate's bills, households and rollups say, in fen."""

    estate_id: int
    bills_open_fen: int = 0
    bills_waived_fen: int = 0
    household_credit_fen: int = 0
    rolled_billed_fen: int = 0
    rolled_collected_fen: int = 0
    rolled_waived_fen: int = 0


NO_DIFFERENCE = BalanceChecks(0, 0, 0, 0, 0, 0)


def accounts(flows: Iterable[Flow], before: Iterable[AccountBalance] = ()) -> list[AccountBalance]:
    """Debit, credit and balance per account, by name, upon those of an earlier day."""
    debit: dict[str, int] = defaultdict(int)
    credit: dict[str, int] = defaultdict(int)
    for was in before:
        debit[was.account] += was.debit_fen
        credit[was.account] += was.credit_fen
    for flow in flows:
        debit[flow.debit_account] += flow.amount_fen
        credit[flow.credit_account] += flow.amount_fen
    names = sorted(debit.keys() | credit.keys())
    return [AccountBalance(name, debit[name], credit[name], debit[name] - credit[name]) for name in names]


def total_fen(checks: BalanceChecks) -> int:
    """All differences together: zero, always."""
    return sum(vars(checks).values())


def _plus(total: BalanceChecks, part: BalanceChecks) -> BalanceChecks:
    return BalanceChecks(**{name: value + vars(part)[name] for name, value in vars(total).items()})


def check(flows: Iterable[Flow], sums: Iterable[StoredSums]) -> BalanceChecks:
    """Compare per estate, so that differences of two estates cannot hide each other."""
    flows_by_estate: dict[int, list[Flow]] = defaultdict(list)
    for flow in flows:
        flows_by_estate[flow.estate_id].append(flow)
    sums_by_estate = {row.estate_id: row for row in sums}
    total = NO_DIFFERENCE
    for estate_id in flows_by_estate.keys() | sums_by_estate.keys():
        estate_sums = sums_by_estate.get(estate_id, StoredSums(estate_id))
        total = _plus(total, _check_estate(flows_by_estate[estate_id], estate_sums))
    return total


def collected_fen(flows: Iterable[Flow]) -> int:
    """Principal received, as the ledger has it: money, prepaid balance, and what was paid before the opening."""
    return sum(_principal_fen(flow) for flow in flows)


def _check_estate(flows: list[Flow], sums: StoredSums) -> BalanceChecks:
    balance = {account.account: account.balance_fen for account in accounts(flows)}
    receivable = balance.get(RECEIVABLE, 0)
    rolled_up_fen = sums.rolled_billed_fen - sums.rolled_collected_fen - sums.rolled_waived_fen
    return BalanceChecks(
        receivable_and_bills_fen=abs(receivable - sums.bills_open_fen),
        credit_and_households_fen=abs(-balance.get(CUSTOMER_CREDIT, 0) - sums.household_credit_fen),
        receivable_and_rollups_fen=abs(receivable - rolled_up_fen),
        collected_and_rollups_fen=abs(collected_fen(flows) - sums.rolled_collected_fen),
        waived_and_rollups_fen=abs(sums.bills_waived_fen - sums.rolled_waived_fen),
        waived_and_bills_fen=abs(sum(map(_waived_fen, flows)) - sums.bills_waived_fen),
    )


def _waived_fen(flow: Flow) -> int:
    if (flow.debit_account, flow.credit_account) == (FEE_INCOME, RECEIVABLE) and flow.undone != BILL_VOIDED:
        return flow.amount_fen
    return -flow.amount_fen if flow.undone == WAIVER_REVERSED else 0


def _principal_fen(flow: Flow) -> int:
    if flow.undone == BILL_VOIDED:
        return 0  # an opening balance goes back where it came from; nobody paid it
    if flow.credit_account == RECEIVABLE and _is_payer(flow.debit_account):
        return flow.amount_fen
    if flow.debit_account == RECEIVABLE and _is_payer(flow.credit_account) and flow.credit_account != OPENING_EQUITY:
        return -flow.amount_fen
    return 0


def _is_payer(account: str) -> bool:
    return account.startswith("cash_") or account in (CUSTOMER_CREDIT, OPENING_EQUITY)
