"""LAW of settlement: what to do with money a channel reports, and what a receipt number looks like (E2, E3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.common.domain.calendar import business_date
from services.payments.ports import Money
from services.payments.rules import Payment

OPEN = frozenset({"pending", "expired", "suspense"})  # money for an expired order still settles it
CLOCKS_DIFFER_BY = timedelta(days=1)  # a channel's clock and ours, at most


class Verdict(StrEnum):
    """What becomes of reported money."""

    SETTLE = "settle"
    REPLAY = "replay"
    SUSPEND = "suspend"


@dataclass(frozen=True)
class Judgement:
    """A verdict; `reason` says why money goes to suspense."""

    verdict: Verdict
    reason: str = ""


def judge(payment: Payment | None, money: Money, *, already_posted: bool, now: datetime) -> Judgement:
    """Settle, ignore as a replay, or suspend (E2).

    `already_posted`: this (channel, transaction id) has settled some payment. `payment` is the one the order names.
    Money cannot have come before its order was there, nor tomorrow: a day of nonsense would settle that day's books.
    """
    if already_posted:
        return Judgement(Verdict.REPLAY)
    if payment is None or payment.channel != money.channel:
        return Judgement(Verdict.SUSPEND, "order_unknown")
    if payment.status not in OPEN:
        return Judgement(Verdict.SUSPEND, "already_settled")
    if money.currency != "CNY":
        return Judgement(Verdict.SUSPEND, "currency_mismatch")
    if money.amount_fen != payment.amount_fen:
        return Judgement(Verdict.SUSPEND, "amount_mismatch")
    if not payment.created_at - CLOCKS_DIFFER_BY <= money.succeeded_at <= now + CLOCKS_DIFFER_BY:
        return Judgement(Verdict.SUSPEND, "time_mismatch")
    return Judgement(Verdict.SETTLE)


def receipt_year(now: datetime) -> int:
    """Receipts are numbered by the year they are written in: numbers rise with time even when one is backdated."""
    return business_date(now).year


def receipt_number(year: int, estate: str, number: int) -> str:
    """2026, EST1, 1 → "2026-EST1-000001"."""
    return f"{year}-{estate}-{number:06d}"
