"""J1, ADR 17: migration billing_0019 restates figures of open months; those of closed months stay as reported."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from services.billing.figures.rates import totals
from services.common.database import service_database_url
from services.common.process import migrate
from services.common.process.settings import CommonSettings
from tests.support.agree import agree
from tests.support.agree.places import Stories
from tests.support.billing.books import Books, day
from tests.support.billing.entries import enter
from tests.support.billing.relief import Relief
from tests.support.databases import TemplateDatabases

BEFORE = "billing_0018"
TODAY = date(2026, 11, 21)
ROLL = """INSERT INTO rate_rollup AS r (estate_id, building, fee_item, period, due_date, booked_on, billed_fen,
  collected_fen, billed_count)
SELECT estate_id, building, fee_item, period, due_date, :on, :billed, :collected, :count
FROM bill WHERE id = :id
ON CONFLICT (estate_id, building, fee_item, period, due_date, booked_on) DO UPDATE SET
  billed_fen = r.billed_fen + excluded.billed_fen, collected_fen = r.collected_fen + excluded.collected_fen,
  billed_count = r.billed_count + excluded.billed_count"""


@dataclass
class Past:
    """Books as the release before kept them: money counts on its own day, though its bill begins later."""

    books: Books

    def write(self, query: str, **named: object) -> None:
        self.books.session.execute(text(query), named)

    def enter(self, kind: str, debit: str, credit: str, fen: int, on: str, home: str, bill: int | None = None,
              value_on: str | None = None) -> None:  # fmt: skip
        household_id, estate_id, *_ = self.books.households[home]
        entry = {"kind": kind, "debit_account": debit, "credit_account": credit, "amount_fen": fen, "bill_id": bill}
        whose = {"household_id": household_id, "estate_id": estate_id, "booked_on": day(on)}
        enter(self.books.session, entry | whose | {"value_on": day(value_on) if value_on else None})

    def roll(self, bill: int, on: str, *, billed: int = 0, collected: int = 0, count: int = 0) -> None:
        self.write(ROLL, id=bill, on=day(on), billed=billed, collected=collected, count=count)

    def pay(self, bill: int, fen: int, on: str, home: str) -> None:
        """Cash for a bill, on the day it came."""
        self.enter("payment_principal", "cash_cash", "receivable", fen, on, home, bill)
        self.settle(bill, fen, on)

    def settle(self, bill: int, fen: int, on: str) -> None:
        self.write("UPDATE bill SET paid_fen = paid_fen + :fen WHERE id = :id", fen=fen, id=bill)
        self.roll(bill, on, collected=fen)

    def prepay(self, fen: int, on: str, home: str) -> None:
        self.enter("payment_credit", "cash_cash", "customer_credit", fen, on, home)
        self.write("UPDATE household SET credit_fen = credit_fen + :fen WHERE code = :home", fen=fen, home=home)

    def apply(self, bill: int, fen: int, on: str, came: str, home: str) -> None:
        """Prepaid balance pays: booked on a day, counting from the day it had come."""
        self.enter("credit_applied", "customer_credit", "receivable", fen, on, home, bill, came)
        self.write("UPDATE household SET credit_fen = credit_fen - :fen WHERE code = :home", fen=fen, home=home)
        self.settle(bill, fen, came)

    def reissue(self, bill: int, fen: int, on: str, home: str, paid: int = 0) -> int:
        """A void, whose money becomes prepaid balance, and the bill that stands in its place; its id."""
        shape = self.books.session.execute(text("SELECT * FROM bill WHERE id = :id"), {"id": bill}).one()
        self.roll(bill, f"{shape.issued_on}", billed=-shape.amount_fen, count=-1)
        if paid:
            self.enter("void_released", "receivable", "customer_credit", paid, on, home, bill)
            self.write("UPDATE household SET credit_fen = credit_fen + :fen WHERE code = :home", fen=paid, home=home)
        self.enter("bill_voided", "fee_income", "receivable", shape.amount_fen, on, home, bill)
        self.write("UPDATE bill SET voided_at = :at WHERE id = :id", at=datetime(2026, 11, 5, 4, tzinfo=UTC), id=bill)
        anew = self.books.bill(fen, f"{shape.due_date}", home, period=f"{shape.period:%Y-%m}", issued=on)
        self.write("UPDATE bill SET reissue_of = :of WHERE id = :id", of=bill, id=anew)
        return anew


@pytest.fixture
def settings(templates: TemplateDatabases) -> CommonSettings:
    return templates.blank("billing")


@pytest.fixture
def engine(settings: CommonSettings) -> Iterator[Engine]:
    """A database as the release before left it."""
    engine = create_engine(service_database_url(settings, "billing"))
    with engine.begin() as connection:
        config = migrate.alembic_config("billing")
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    yield engine
    engine.dispose()


def live(past: Past) -> None:
    """Closed by the end of September: prepaid money and cash that came before their bill did, and a bill in order.

    Open since: the same in October, a bill reissued twice that was paid between, an opening balance paid in part.
    """
    books = past.books
    for home, estate in (("H1", "E1"), ("H2", "E1"), ("H3", "E2")):
        if estate not in books.estates:
            books.estate(estate, clause=None)
        books.household(home, estate)
    past.prepay(30000, "2026-08-20", "H1")
    past.apply(books.bill(20000, "2026-10-15", "H1"), 20000, "2026-10-01", "2026-08-20", "H1")
    past.apply(books.bill(20000, "2026-11-15", "H1"), 10000, "2026-11-01", "2026-08-20", "H1")
    past.pay(books.bill(12000, "2026-10-15", "H2", fee_item="parking"), 7000, "2026-09-10", "H2")
    past.write("INSERT INTO ledger_close (estate_id, period, balances, closed_by, closed_at) "
               "SELECT id, '2026-09-01', 'null', 'finance', now() FROM estate WHERE code = 'E1'")  # fmt: skip
    past.prepay(20000, "2026-10-05", "H3")
    past.apply(books.bill(18000, "2026-11-15", "H3"), 18000, "2026-11-01", "2026-10-05", "H3")
    past.pay(books.bill(9000, "2026-11-15", "H3", fee_item="parking"), 9000, "2026-10-20", "H3")
    first = books.bill(11000, "2026-10-15", "H2")
    past.enter("payment_principal", "cash_cash", "receivable", 10000, "2026-10-10", "H2", first)
    second = past.reissue(first, 10500, "2026-11-05", "H2", paid=10000)
    third = past.reissue(second, 10000, "2026-11-06", "H2")
    past.apply(third, 10000, "2026-11-06", "2026-10-10", "H2")
    old = books.bill(7550, "2026-04-15", "H3", fee_item="old", issued="2026-04-01", charged_to="opening_equity")
    past.enter("opening_paid", "opening_equity", "receivable", 2550, "2026-03-10", "H3", old)
    past.settle(old, 2550, "2026-03-10")


def collected(session: Session, estate: str, on: str) -> dict[str, tuple[int, int]]:
    """Billed and received by the end of a day, by period."""
    rows = Stories(session, TODAY).rates("period", day(on), estate=estate)
    sums = {row["key"]: (row["billed_fen"], row["collected_fen"]) for row in rows}
    return {period: pair for period, pair in sums.items() if any(pair)}


def test_j1_figures_of_open_months_follow_their_bills_and_closed_months_stay(
    engine: Engine, settings: CommonSettings
) -> None:
    with Session(engine) as session, session.begin():
        live(Past(Books(session)))
    migrate.upgrade(settings, "billing")
    with Session(engine) as session:
        assert agree(session, TODAY) == ["H3: standing credit says 2000 free, the entries 5000 open"]
        assert collected(session, "E1", "2026-08-31") == {"2026-09": (0, 20000), "2026-10": (0, 10000)}, "as reported"
        assert collected(session, "E1", "2026-09-29") == {"2026-09": (0, 27000), "2026-10": (0, 10000)}, "as reported"
        assert collected(session, "E1", "2026-09-30")["2026-09"] == (42000, 27000), "a reissue counts as the first did"
        assert collected(session, "E1", "2026-10-10")["2026-09"] == (42000, 37000)
        assert collected(session, "E2", "2026-10-30") == {"2026-03": (7550, 2550)}, "no money before its bill"
        assert collected(session, "E2", "2026-10-31")["2026-10"] == (27000, 27000)
        assert totals.fold(session, 1000)
        assert len(agree(session, TODAY)) == 1
        Relief(Books(session)).apply("H3")
        assert agree(session, TODAY) == [], "what stood beside an open bill is applied by hand"
