"""STORY of the trial balance: debit, credit and balance per account, and the checks on them (B7)."""

from sqlalchemy.orm import Session

from services.billing.receivables.ledger import tables
from services.billing.receivables.ledger.rules import RECEIVABLE
from services.billing.receivables.trial_balance import rules as balance
from services.billing.receivables.trial_balance import tables as balance_sql
from services.common.contracts.answers.trial_balance import TrialBalance
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission


def trial_balance(session: Session, caller: Caller, estate: str | None) -> TrialBalance:
    """Debit, credit and balance per account over one estate or all in scope, and every check of B7, in fen.

    Forbidden, NotFound.
    """
    caller.require(Permission.READ_LEDGER)
    scope = caller.estate_filter(estate)
    if estate is not None and tables.estate_id_of(session, estate) is None:
        raise NotFound(f"There is no estate {estate}.")
    flows, sums = balance_sql.flows_and_sums(session, scope)
    lines = balance.accounts(flows)
    checks = balance.check(flows, sums)
    difference = sum(line.balance_fen for line in lines)
    return TrialBalance(
        accounts=lines,
        difference_fen=difference,
        imbalance_fen=abs(difference) + balance.total_fen(checks),
        checks=checks,
        receivable_fen=sum(line.balance_fen for line in lines if line.account == RECEIVABLE),
        bills_open_fen=sum(row.bills_open_fen for row in sums),
    )


def imbalance_fen(session: Session) -> int:
    """The absolute sum of everything that must be nothing, over all estates (B7). Reads the whole ledger."""
    flows, sums = balance_sql.flows_and_sums(session, None)
    difference = sum(line.balance_fen for line in balance.accounts(flows))
    return abs(difference) + balance.total_fen(balance.check(flows, sums))
