"""LAW of promises to pay (D1, D3): which of them pause the ladder, and whether they were kept."""

from dataclasses import dataclass
from datetime import date, timedelta

from services.billing.collections.dunning.rules import DunningPolicy
from services.common.contracts.answers.dunning import PromiseStatus


@dataclass(frozen=True)
class Promise:
    """So much was promised on a day, to be paid by another; `paid_fen` is what the ledger received between them."""

    made_on: date
    promised_on: date
    amount_fen: int
    paid_fen: int


def last_day(today: date, policy: DunningPolicy) -> date:
    """The farthest day a promise may lie ahead."""
    return today + timedelta(days=policy.promise_days)


def pauses(promised_on: date, today: date, earlier: int, policy: DunningPolicy) -> bool:
    """Whether a promise holds the ladder, after so many `earlier` ones since the last rung."""
    return today <= promised_on <= last_day(today, policy) and earlier < policy.promises_per_rung


def status_of(promise: Promise, today: date) -> PromiseStatus:
    """kept: what was promised is there; broken: the day is over and it is not; open."""
    if promise.paid_fen >= promise.amount_fen:
        return "kept"
    return "broken" if today > promise.promised_on else "open"
