"""A small portfolio with bills for tests of the ledger, of dunning and of figures: issued as a bill run issues them."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.billing.collections.dunning import handlers as sweeps
from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.handlers import SweepRequest
from services.billing.receivables.allocation.handlers import allocate_payment
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    FEE_INCOME,
    OPENING_EQUITY,
    RECEIVABLE,
    BookingDay,
    Movement,
    MovementKind,
    cash_account,
)
from services.billing.receivables.statement.handlers import statement
from services.billing.tables import bill, estate, household, rate_rollup, staff, stewardship, unit
from services.common.contracts.answers.bills import Statement
from services.common.contracts.answers.dunning import DunningCase, Sweep
from services.common.contracts.events import PaymentSettled
from services.common.domain.access import Caller
from tests.support.billing.entries import enter

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
TODAY = date(2026, 11, 21)
SYSTEM = Caller.system("test")


def day(text_: str) -> date:
    return date.fromisoformat(text_)


@dataclass
class Books:
    """Writes into one session; nothing is committed unless the test does it."""

    session: Session
    estates: dict[str, int] = field(default_factory=dict)
    households: dict[str, tuple[int, int, str, int]] = field(default_factory=dict)

    def estate(self, code: str = "E1", *, clause: str | None = "§7.3", region: str = "South") -> int:
        row: dict[str, Any] = {
            "code": code,
            "name": code,
            "region": region,
            "city": "Guangzhou",
            "property_type": "residential",
        }
        row |= {"service_grade": "1", "charging_mode": "lump_sum", "late_fee_clause": clause}
        self.estates[code] = self.session.scalars(insert(estate).values(row).returning(estate.c.id)).one()
        return self.estates[code]

    def household(self, code: str = "H1", estate_code: str = "E1", building: str = "1") -> int:
        if estate_code not in self.estates:
            self.estate(estate_code)
        estate_id = self.estates[estate_code]
        row = {"estate_id": estate_id, "code": code, "owner_name": "王小明", "owner_phone": "13800000000"}
        household_id: int = self.session.scalars(insert(household).values(row).returning(household.c.id)).one()
        home = {"estate_id": estate_id, "household_id": household_id, "code": f"U-{code}", "building": building}
        home |= {"area_m2": 100, "usage": "residential", "status": "occupied"}
        unit_id = self.session.scalars(insert(unit).values(home).returning(unit.c.id)).one()
        self.households[code] = (household_id, estate_id, building, unit_id)
        return household_id

    def steward(self, staff: str, building: str, estate_code: str = "E1", since: date = date(2020, 1, 1)) -> None:
        row = {"estate_id": self.estates[estate_code], "building": building, "staff_code": staff, "from_date": since}
        self.session.execute(insert(stewardship).values(row))

    def staff(self, code: str, estate_code: str = "E1", role: str = "steward") -> None:
        """Somebody who works on the estate."""
        row = {"code": code, "name": code, "role": role, "estate_id": self.estates[estate_code]}
        self.session.execute(insert(staff).values(row))

    def bill(
        self,
        amount_fen: int,
        due: str,
        household_code: str = "H1",
        *,
        fee_item: str = "property_fee",
        period: str | None = None,
        issued: str | None = None,
        charged_to: str = FEE_INCOME,
        entered_at: datetime = NOW,
    ) -> int:
        """A bill with its posting and its rollup; the period is by default the month before the due date's."""
        household_id, estate_id, building, unit_id = self.households[household_code]
        due_date = day(due)
        month = day(f"{period}-01") if period else _month_before(due_date)
        issued_on = day(issued) if issued else min(_next_month(month), due_date)
        shape = {"building": building, "fee_item": fee_item, "period": month, "due_date": due_date}
        row = {"unit_id": unit_id, "household_id": household_id, "amount_fen": amount_fen, "issued_on": issued_on}
        query = insert(bill).values(row | shape | {"estate_id": estate_id, "run_id": uuid4()})
        bill_id: int = self.session.scalars(query.returning(bill.c.id)).one()
        issue = {"debit_account": RECEIVABLE, "credit_account": charged_to, "amount_fen": amount_fen}
        whose = {"bill_id": bill_id, "household_id": household_id, "estate_id": estate_id}
        enter(self.session, issue | whose | {"booked_on": issued_on, "created_at": entered_at})
        self._roll(shape | {"estate_id": estate_id, "booked_on": issued_on}, amount_fen)
        return bill_id

    def pay(
        self,
        fen: int,
        on: str,
        household_code: str = "H1",
        *,
        payment_id: UUID | None = None,
        bills: list[int] | None = None,
        channel: str = "cash",
        settled_at: datetime | None = None,
    ) -> PaymentSettled:
        """A settled payment, applied; the event is returned so that a test can deliver it again."""
        event = settled(fen, on, household_code, payment_id=payment_id, bills=bills, channel=channel, at=settled_at)
        allocate_payment(self.session, event, NOW)
        return event

    def move(
        self,
        kind: MovementKind,
        debit: str,
        credit: str,
        fen: int,
        on: date,
        bill_id: int | None = None,
        *,
        household: str = "H1",
        cause: str = "test",
        now: datetime = NOW,
    ) -> None:
        """Book money on a day, as a story would."""
        account = ledger.account(self.session, self._payer(bill_id) if bill_id else household, lock=True)
        assert account is not None
        book(self.session, account, [Movement(kind, debit, credit, fen, BookingDay(on), cause, bill_id)], now)

    def give_back(
        self, bill_id: int, fen: int, on: date, *, channel: str = "cash", cause: str = "test", now: datetime = NOW
    ) -> None:
        """Principal that was paid, by a payment if it is named, comes back as after a chargeback: it is open again."""
        self.move("reallocation", cash_account(channel), RECEIVABLE, -fen, on, bill_id, cause=cause, now=now)

    def waive(self, bill_id: int, fen: int, on: date) -> None:
        """Principal that was granted on a day."""
        self.move("principal_waived", FEE_INCOME, RECEIVABLE, fen, on, bill_id)

    def paid_before(self, bill_id: int, fen: int, on: date) -> None:
        """What was paid of an opening balance before the books were opened."""
        self.move("opening_paid", OPENING_EQUITY, RECEIVABLE, fen, on, bill_id)

    def prepay(self, fen: int, on: date, household: str = "H1") -> None:
        """Money paid before anything is owed."""
        self.move("payment_credit", cash_account("cash"), CUSTOMER_CREDIT, fen, on, household=household)

    def _payer(self, bill_id: int) -> str:
        query = "SELECT h.code FROM bill b JOIN household h ON h.id = b.household_id WHERE b.id = :id"
        return str(self.one(query, id=bill_id))

    def statement(self, as_of: str, household_code: str = "H1") -> Statement:
        return statement(self.session, SYSTEM, household_code, day(as_of))

    def sweep(self, as_of: str, estates: list[str] | None = None) -> Sweep:
        """A whole sweep, all slices taken."""
        sweep_id = uuid4()
        sweeps.start_sweep(self.session, SYSTEM, sweep_id, SweepRequest(day(as_of), estates), NOW)
        for slice_id in self.slices(sweep_id):
            sweeps.sweep_slice(self.session, slice_id, NOW)
        return sweeps.get_sweep(self.session, SYSTEM, sweep_id)

    def slices(self, sweep_id: UUID) -> list[int]:
        query = text("SELECT id FROM dunning_sweep_slice WHERE sweep_id = :id ORDER BY id")
        return list(self.session.scalars(query, {"id": sweep_id}))

    def case(self, household_code: str = "H1", today: date = TODAY) -> DunningCase:
        return cases.get_dunning_case(self.session, SYSTEM, household_code, today)

    def steps(self, household_code: str = "H1") -> list[str]:
        return [step["step"] for step in self.case(household_code)["steps"]]

    def one(self, query: str, **parameters: Any) -> Any:
        return self.session.scalar(text(query), parameters)

    def _roll(self, key: dict[str, Any], fen: int) -> None:
        query = upsert(rate_rollup).values(key | {"billed_fen": fen, "billed_count": 1})
        more = {"billed_fen": rate_rollup.c.billed_fen + fen, "billed_count": rate_rollup.c.billed_count + 1}
        self.session.execute(query.on_conflict_do_update(index_elements=rate_rollup.primary_key.columns, set_=more))


def settled(
    fen: int,
    on: str,
    household_code: str = "H1",
    *,
    payment_id: UUID | None = None,
    bills: list[int] | None = None,
    channel: str = "cash",
    at: datetime | None = None,
) -> PaymentSettled:
    """The event of a settled payment."""
    payment_id = payment_id or uuid4()
    return PaymentSettled(
        payment_id=payment_id, household=household_code, estate="E1", channel=channel, transaction_id=str(payment_id),
        amount_fen=fen, bill_ids=bills or [], settled_at=at or datetime.fromisoformat(f"{on}T04:00:00+00:00"),
        business_date=day(on),
    )  # fmt: skip


def _month_before(due: date) -> date:
    index = due.year * 12 + due.month - 2
    return date(index // 12, index % 12 + 1, 1)


def _next_month(month: date) -> date:
    index = month.year * 12 + month.month
    return date(index // 12, index % 12 + 1, 1)
