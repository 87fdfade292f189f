"""LAW of the ledger: movements of money, and what each means for its bill, for credit and for the figures (B7).

Accounts: receivable, fee_income, late_fee_income, late_fee_waived (contra to it), customer_credit, opening_equity,
and one `cash_…` per channel. What a movement does follows from the two accounts it names; only its day in the figures,
and that a void leaves its bill as it was, follow from its kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from services.common.contracts.answers.ledger import MovementKind as MovementKind
from services.common.domain.calendar import add_months

RECEIVABLE = "receivable"
LATE_FEE_INCOME = "late_fee_income"

# Late fee is no receivable: waiving it credits the income and debits this, so that both net to nothing (C2).
LATE_FEE_WAIVED = "late_fee_waived"
CUSTOMER_CREDIT = "customer_credit"
OPENING_EQUITY = "opening_equity"
FEE_INCOME = "fee_income"

# What a bill is charged to: the principal itself, not something that happened to it.
CHARGED_TO = frozenset({FEE_INCOME, OPENING_EQUITY})

# Kinds that undo a bill or a waiver (B5): the same accounts as an issue or a waiver, the other way round.
BILL_VOIDED: Final = "bill_voided"
WAIVER_REVERSED: Final = "waiver_reversed"
# What the household had of a void bill: granted on the bill that takes its place, from the days it counted (ADR 11).
WAIVER_CARRIED: Final = "waiver_carried"
DISCOUNT_CARRIED: Final = "discount_carried"
FEE_WAIVER_CARRIED: Final = "fee_waiver_carried"
# In the figures these count from the day they count for the late fee: a reissue changes no day gone by (ADR 8, 11).
DATED_BACK = frozenset({"credit_applied", WAIVER_CARRIED, DISCOUNT_CARRIED})
OF_A_VOID = frozenset({BILL_VOIDED, WAIVER_REVERSED, "void_released", "void_fee_released", "fee_waiver_reversed"})


@dataclass(frozen=True)
class CollectionTerms:
    """A later version of an estate's policy: the order of money from its day on; cap and grace of bills due from it."""

    effective_from: date
    allocation: str
    late_fee_capped: bool
    grace_days: int
    grace_mode: str


@dataclass(frozen=True)
class Account:
    """A household as the ledger sees it: its prepaid balance, and the policies of its estate."""

    id: int
    code: str
    estate_id: int
    estate: str
    credit_fen: int
    # the part of it that is kept for a refund
    reserved_fen: int
    # of its estate: the first day that takes postings (B8)
    first_open: date
    allocation: str
    late_fee_clause: str | None
    late_fee_capped: bool
    grace_days: int
    grace_mode: str
    rate_days: Sequence[date]
    rate_values: Sequence[Decimal]
    # what changed since, by day; above is what held first
    later: Sequence[CollectionTerms] = ()

    def allocation_on(self, day: date) -> str:
        """Which part of a bill money of that day pays first (B9)."""
        orders = [terms.allocation for terms in self.later if terms.effective_from <= day]
        return orders[-1] if orders else self.allocation

    @property
    def free_credit_fen(self) -> int:
        """The prepaid balance that pays bills: what no refund is kept from."""
        return self.credit_fen - self.reserved_fen

    def booking_day(self, on: date) -> "BookingDay":
        """Something of a day is booked on it, or on the first day that is still open (B8)."""
        return booking_day(on, self.first_open)


@dataclass(frozen=True)
class Bill:
    """A bill as the ledger sees it; `fee_left`: its principal is settled, its late fee is not.

    `first_issued_on`: of a reissue, when the first of the bills it replaces was issued. `figures_since`: of its estate,
    money booked before that day counts in the figures as it was reported (ADR 17).
    """

    id: int
    estate_id: int
    run_id: UUID | None
    building: str
    fee_item: str
    period: date
    issued_on: date
    due_date: date
    amount_fen: int
    fee_left: bool = False
    first_issued_on: date | None = None
    figures_since: date | None = None

    @property
    def first_day(self) -> date:
        """From which day on the bill counts: when it was issued or due or at the end of its month, which is first."""
        return min(self.first_issued_on or self.issued_on, self.due_date, last_day(self.period))


@dataclass(frozen=True)
class BookingDay:
    """On which day something is booked, and on which day it counts for the late fee (None: the same)."""

    booked_on: date
    value_on: date | None = None

    @property
    def counts_on(self) -> date:
        """The day it counts."""
        return self.value_on or self.booked_on


@dataclass(frozen=True)
class Entry:
    """One balanced transfer of the ledger: fen, always positive, from `credit_account` to `debit_account`."""

    kind: str
    debit_account: str
    credit_account: str
    amount_fen: int
    day: BookingDay
    source: str
    bill_id: int | None = None

    @property
    def counts_on(self) -> date:
        """The day it counts for the late fee."""
        return self.day.counts_on


@dataclass(frozen=True)
class Movement:
    """Money as a story moves it: from `credit` to `debit`, or the other way round if `fen` is negative.

    `cause` is the run, payment or request behind it.
    """

    kind: MovementKind
    debit: str
    credit: str
    fen: int
    day: BookingDay
    cause: str
    bill_id: int | None = None

    @property
    def entry(self) -> Entry:
        """As it stands in the ledger."""
        debit, credit = (self.debit, self.credit) if self.fen > 0 else (self.credit, self.debit)
        return Entry(self.kind, debit, credit, abs(self.fen), self.day, self.cause, self.bill_id)


@dataclass(frozen=True)
class Effect:
    """What entries do to a bill, and so to the figures, in fen and in bills; each may be negative."""

    billed_fen: int = 0
    paid_fen: int = 0
    waived_fen: int = 0
    billed_count: int = 0

    def __add__(self, other: "Effect") -> "Effect":
        return Effect(
            self.billed_fen + other.billed_fen,
            self.paid_fen + other.paid_fen,
            self.waived_fen + other.waived_fen,
            self.billed_count + other.billed_count,
        )

    def __neg__(self) -> "Effect":
        return Effect(-self.billed_fen, -self.paid_fen, -self.waived_fen, -self.billed_count)


NOTHING = Effect()


def cash_account(channel: str) -> str:
    """Where a channel's money lies."""
    return f"cash_{channel}"


def is_payment(entry: Entry) -> bool:
    """Whether an entry says where money of a channel lies."""
    return cash_account("") in (entry.debit_account[:5], entry.credit_account[:5])


def booking_day(on: date, first_open: date) -> BookingDay:
    """Something of a day is booked on it, or on the first day that is still open (B8)."""
    return BookingDay(on) if on >= first_open else BookingDay(first_open, on)


def effect(entry: Entry) -> Effect:
    """What an entry does to its bill. A void leaves the bill as it was: it is void, and the figures lose it whole."""
    if entry.kind in OF_A_VOID:
        return NOTHING
    if entry.debit_account == RECEIVABLE:
        is_charge = entry.credit_account in CHARGED_TO
        return Effect(billed_fen=entry.amount_fen, billed_count=1) if is_charge else Effect(paid_fen=-entry.amount_fen)
    if entry.credit_account == RECEIVABLE:
        is_waiver = entry.debit_account == FEE_INCOME
        return Effect(waived_fen=entry.amount_fen) if is_waiver else Effect(paid_fen=entry.amount_fen)
    return NOTHING


def debit_fen(entry: Entry, account: str) -> int:
    """What an entry adds to the debit side of an account, in fen; negative: to its credit side."""
    return entry.amount_fen * ((entry.debit_account == account) - (entry.credit_account == account))


def last_day(first: date) -> date:
    """The last day of a month, by its first."""
    return add_months(first, 1) - timedelta(days=1)


def figure_day(bill: Bill, entry: Entry) -> date:
    """The day an entry counts in the figures: never before its bill does, so that no rate is above 1 (ADR 17).

    Prepaid balance counts from the day the money had come, what was granted on a void bill from the day it was granted,
    and a reissue from that of the bill it replaces (ADR 8, 11).
    """
    if effect(entry).billed_count:
        return min(entry.day.booked_on, bill.first_issued_on or entry.day.booked_on)
    day = entry.counts_on if entry.kind in DATED_BACK else entry.day.booked_on
    return day if bill.figures_since and day < bill.figures_since else max(day, bill.first_day)
