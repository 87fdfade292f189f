"""Asking for waivers, voiding, reissuing and moving credit, for tests: on top of `Books`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from services.billing.charging.voids import handlers as voids
from services.billing.charging.voids.voiding import Void
from services.billing.receivables.credits import handlers as credit
from services.billing.receivables.credits import refunds
from services.billing.receivables.credits.refunds import Refund
from services.billing.receivables.waivers import handlers as waivers
from services.billing.receivables.waivers.handlers import Ask
from services.common.contracts.answers.credits import CreditApplication, CreditRefund
from services.common.contracts.answers.voids import Reissue, VoidedBill
from services.common.contracts.answers.waivers import WaiverDetail, WaiverKind
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, Books


def who(role: str, sub: str | None = None, *estates: str) -> Caller:
    return Caller(sub=sub or f"{role}-1", roles=frozenset({role}), estates=frozenset(estates or ("*",)))


STEWARD, MANAGER, FINANCE = who("steward"), who("estate_manager"), who("finance")
ADMIN = who("group_admin")


def noon(on: str) -> datetime:
    """Midday in Shanghai."""
    return datetime.fromisoformat(f"{on}T12:00:00+08:00")


@dataclass
class Relief:
    """What an office does about a household's bills, on a day that can be turned on."""

    books: Books
    now: datetime = NOW

    def on(self, day: str) -> "Relief":
        self.now = noon(day)
        return self

    def after(self, days: int) -> "Relief":
        self.now += timedelta(days=days)
        return self

    @property
    def today(self) -> date:
        return self.now.date()

    def ask(
        self,
        *bills: int,
        kind: WaiverKind = "late_fee",
        ratio: str | None = None,
        fen: int | None = None,
        by: Caller = STEWARD,
        request_id: UUID | None = None,
        reason: str = "lift was out of order",
    ) -> WaiverDetail:
        ask = Ask(list(bills), kind, reason, Decimal(ratio) if ratio else None, fen)
        return waivers.request_waiver(self.books.session, by, request_id or uuid4(), ask, self.now)

    def approve(self, waiver: UUID, by: Caller = MANAGER, resolution: str | None = None) -> WaiverDetail:
        return waivers.approve_waiver(self.books.session, by, waiver, resolution, None, self.now)

    def reject(self, waiver: UUID, by: Caller = MANAGER, reason: str | None = "no") -> WaiverDetail:
        return waivers.reject_waiver(self.books.session, by, waiver, reason, self.now)

    def withdraw(self, waiver: UUID, by: Caller = STEWARD) -> WaiverDetail:
        return waivers.withdraw_waiver(self.books.session, by, waiver, "mistake", self.now)

    def void(
        self,
        bill: int,
        *,
        reissue: bool = False,
        by: Caller = FINANCE,
        request_id: UUID | None = None,
        reason: str = "wrong area",
    ) -> VoidedBill:
        return voids.void_bill(self.books.session, by, request_id or uuid4(), Void(bill, reason, reissue), self.now)

    def reissue(self, bill: int, by: Caller = FINANCE, request_id: UUID | None = None) -> Reissue:
        return voids.reissue_bill(self.books.session, by, request_id or uuid4(), bill, self.now)

    def approve_void(self, request_id: UUID, by: Caller = ADMIN) -> VoidedBill:
        return voids.approve_void(self.books.session, by, request_id, None, self.now)

    def reject_void(self, request_id: UUID, by: Caller = ADMIN) -> VoidedBill:
        return voids.reject_void(self.books.session, by, request_id, "no", self.now)

    def withdraw_void(self, request_id: UUID, by: Caller = FINANCE) -> VoidedBill:
        return voids.withdraw_void(self.books.session, by, request_id, "mistake", self.now)

    def ask_refund(
        self, fen: int, household: str = "H1", by: Caller = FINANCE, request_id: UUID | None = None
    ) -> CreditRefund:
        asked = Refund(fen, "transfer", "moved away")
        return refunds.request_refund(self.books.session, by, request_id or uuid4(), household, asked, self.now)

    def approve_refund(self, refund_id: UUID, by: Caller = ADMIN) -> CreditRefund:
        return refunds.approve_refund(self.books.session, by, refund_id, None, self.now)

    def reject_refund(self, refund_id: UUID, by: Caller = ADMIN) -> CreditRefund:
        return refunds.reject_refund(self.books.session, by, refund_id, "no", self.now)

    def withdraw_refund(self, refund_id: UUID, by: Caller = FINANCE) -> CreditRefund:
        return refunds.withdraw_refund(self.books.session, by, refund_id, "mistake", self.now)

    def refund(
        self, fen: int, household: str = "H1", by: Caller = FINANCE, request_id: UUID | None = None
    ) -> CreditRefund:
        """Asked for by one, approved by another."""
        return self.approve_refund(self.ask_refund(fen, household, by, request_id)["id"])

    def apply(
        self, household: str = "H1", *bills: int, by: Caller = FINANCE, request_id: UUID | None = None
    ) -> CreditApplication:
        return credit.apply_standing_credit(
            self.books.session, by, request_id or uuid4(), household, list(bills), self.now
        )
