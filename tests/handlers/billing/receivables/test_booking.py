"""B4, B6, A3, B7: set-based issue and opening balances book what `book` does (ADR 15); what it refuses.

The same bills are brought into the books twice from the same beginnings: by the SQL of a run or of an import, and by
`book`. Ledger, bills, prepaid balance, figures, totals, late fee left and what others are told must be the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.orm import Session

from services.billing.figures.rates import check, totals
from services.billing.receivables.booking.handlers import book, book_credit
from services.billing.receivables.credits.applying import apply_credit
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import (
    CUSTOMER_CREDIT,
    FEE_INCOME,
    OPENING_EQUITY,
    RECEIVABLE,
    Account,
    BookingDay,
    Movement,
    cash_account,
)
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.billing.settings import Settings
from services.billing.tables import bill
from services.common.contracts.events import BillsAdjusted, BillsIssued
from tests.support.billing.books import NOW, TODAY, Books
from tests.support.billing.desk import ESTATES, OPENING, TARIFFS, UNITS, Desk
from tests.support.outbox import events

HOMES = {"H1": ("101", "201", "202"), "H2": ("102",), "H3": ("103", "203")}
ENTRY = "household_id, bill_id, kind, debit_account, credit_account, amount_fen, booked_on, value_on, source, estate_id"
BOOKS = {
    "ledger": f"SELECT {ENTRY} FROM ledger_entry ORDER BY {ENTRY}",
    "bills": "SELECT id, amount_fen, paid_fen, waived_fen, late_fee_apart, voided_at FROM bill ORDER BY id",
    "credit": "SELECT id, credit_fen FROM household ORDER BY id",
    "late fee left": "SELECT bill_id, household_id FROM late_fee_left ORDER BY bill_id",
    "figures": "SELECT * FROM rate_rollup ORDER BY 1, 2, 3, 4, 5, 6",
    "totals": "SELECT * FROM rate_total ORDER BY 1, 2, 3, 4",
    "months": "SELECT * FROM rate_month ORDER BY 1, 2, 3, 4, 5",
    "days": "SELECT * FROM rate_day ORDER BY 1, 2, 3, 4, 5",
    "buildings": "SELECT * FROM rate_building ORDER BY 1, 2, 3, 4, 5",
    "months of buildings": "SELECT * FROM rate_building_month ORDER BY 1, 2, 3, 4, 5, 6",
}


@dataclass(frozen=True)
class Beginning:
    """What the estate is like before anything is issued."""

    credit: dict[str, int]
    clause: str
    capped: bool
    grace: int
    # an estate may close the month we are in just as a run begins: then it books on the first day of the next
    closed: bool


beginnings = st.builds(
    Beginning,
    credit=st.fixed_dictionaries({home: st.sampled_from([0, 1, 999, 20_000, 45_678, 200_000]) for home in HOMES}),
    clause=st.sampled_from(["", "§7"]),
    capped=st.booleans(),
    grace=st.sampled_from([0, 5, 60]),
    closed=st.booleans(),
)
openings = st.lists(
    st.tuples(
        st.sampled_from([unit for units in HOMES.values() for unit in units]),
        st.sampled_from(["arrears", "parking"]),
        st.integers(1, 11),
        st.integers(1, 10**6),
        st.sampled_from([0, 1, 50, 100]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[:3],
)
examples = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def estate(database: Callable[[str], Engine]) -> Engine:
    """Six units in two buildings, of three households, with two fees; one unit costs nothing to have empty."""
    engine = database("billing")
    desk = Desk(engine, Settings())
    desk.load("estates", ESTATES, "E1,E1,South,Wuhan,residential,A,lump_sum,§7")
    status = {"203": "vacant"}
    units = [
        f"E1,{unit[0]},{unit},{40 + int(unit)}.37,residential,{status.get(unit, 'occupied')},{home},王,13812345678"
        for home, units in HOMES.items()
        for unit in units
    ]
    desk.load("units", UNITS, *units)
    desk.load("tariffs", TARIFFS, "E1,property_fee,per_area,residential,2.35,2020-01-01,0.7",
              "E1,lift,fixed,residential,12.5,2020-01-01,")  # fmt: skip
    desk.publish("E1")
    return engine


@contextmanager
def attempt(connection: Connection) -> Iterator[None]:
    """What happens inside never was."""
    with connection.begin_nested() as savepoint:
        yield
        savepoint.rollback()


def begin(connection: Connection, beginning: Beginning) -> None:
    named = {"clause": beginning.clause, "capped": beginning.capped, "grace": beginning.grace}
    connection.execute(text("UPDATE estate SET late_fee_clause = :clause"), named)
    connection.execute(text("INSERT INTO collection_policy SELECT id, 'principal_first', :capped, :grace, 'from_due' "
                            "FROM estate"), named)  # fmt: skip
    with Session(connection) as session, session.begin():
        for home, fen in beginning.credit.items():
            prepaid = Movement("payment_credit", cash_account("pos"), CUSTOMER_CREDIT, fen, BookingDay(TODAY), "P1")
            book(session, locked(session, home), [prepaid], NOW)
    if beginning.closed:
        sealed = text("INSERT INTO ledger_close SELECT id, :month, now(), 'x', '[]' FROM estate")
        connection.execute(sealed, {"month": TODAY.replace(day=1)})


def books(connection: Connection) -> dict[str, Any]:
    """All that is kept, and what others were told of it."""
    with Session(connection) as session, session.begin():
        assert check.rollups(session, None) == []
        totals.fold(session, 100_000)
        assert imbalance_fen(session) == 0
        issued = sorted(
            (str(told.run_id), told.fee_item, told.period, told.due_date, *one.model_dump().values())
            for told in events(session, BillsIssued)
            for one in told.bills
        )
        adjusted = [told.model_dump() for told in events(session, BillsAdjusted)]
        return {"issued": issued, "adjusted": adjusted} | {
            name: [tuple(row) for row in session.execute(text(query))] for name, query in BOOKS.items()
        }


def bills(connection: Connection) -> list[Any]:
    return list(connection.execute(select(bill).order_by(bill.c.household_id, bill.c.id)))


PAID_BEFORE = text("SELECT bill_id, amount_fen FROM ledger_entry WHERE kind = 'opening_paid'")
UNTOUCHED = {"paid_fen": 0, "waived_fen": 0, "late_fee_apart": False, "voided_at": None}
# what a bill moves, given its payer
Story = Callable[[Any, Account], list[Movement]]


def book_again(connection: Connection, made: list[Any], story: Story, cause: str) -> None:
    """Write the same bills with nothing paid on them, book those of each household, and have its credit pay."""
    codes = {row.id: row.code for row in connection.execute(text("SELECT id, code FROM household"))}
    with Session(connection) as session, session.begin():
        for row in made:
            session.execute(insert(bill).values(row._asdict() | UNTOUCHED))
        for household_id, rows in groupby(made, key=lambda row: row.household_id):
            account = locked(session, codes[household_id])
            book(session, account, [movement for row in rows for movement in story(row, account)], NOW)
        for household_id in sorted({row.household_id for row in made}):
            apply_credit(session, codes[household_id], cause, NOW)


def locked(session: Session, household: str) -> Account:
    account = ledger.account(session, household, lock=True)
    assert account is not None
    return account


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one["bills"]
    assert one["ledger"]
    for name, kept in one.items():
        assert kept == other[name], name


@example(Beginning(dict.fromkeys(HOMES, 200_000), "§7", capped=True, grace=0, closed=False), "2026-08")
@given(beginnings, st.sampled_from(["2026-08", "2026-09", "2026-10", "2026-12"]))
@examples
def test_b4_b6_a_run_books_as_book_does(estate: Engine, beginning: Beginning, period: str) -> None:
    """Bills of August and September are late when they are issued: credit pays what had accrued when it came."""

    def issue(row: Any, account: Account) -> list[Movement]:
        day = BookingDay(row.issued_on)
        return [Movement("bill_issued", RECEIVABLE, FEE_INCOME, row.amount_fen, day, str(row.run_id), row.id)]

    with estate.connect() as connection, connection.begin() as whole:
        begin(connection, beginning)
        with attempt(connection):
            desk = Desk(connection, Settings(slice_units=4))  # type: ignore[arg-type]
            for slice_id in desk.slices(desk.start(period)):
                desk.bill(slice_id)
            made, by_sql = bills(connection), books(connection)
        assert len(made) == 12
        book_again(connection, made, issue, str(made[0].run_id))
        assert_same(by_sql, books(connection))
        whole.rollback()


@given(beginnings, openings)
@examples
def test_a3_opening_balances_are_booked_as_book_does(
    estate: Engine, beginning: Beginning, rows: list[tuple[str, str, int, int, int]]
) -> None:
    """Each row: unit, fee item, month, fen, and how many hundredths of them were paid before."""
    file = UUID(int=7)
    source = f"import:{file}"

    def bring_in(row: Any, account: Account) -> list[Movement]:
        issued, paid = (BookingDay(max(day, account.first_open)) for day in (row.issued_on, row.due_date))
        return [
            Movement("opening_bill", RECEIVABLE, OPENING_EQUITY, row.amount_fen, issued, source, row.id),
            Movement("opening_paid", OPENING_EQUITY, RECEIVABLE, paid_before.get(row.id, 0), paid, source, row.id),
        ]

    with estate.connect() as connection, connection.begin() as whole:
        begin(connection, beginning)
        with attempt(connection):
            lines = [
                f"E1,{unit},{item},2025-{n:02},{fen / 100:.2f},2025-{n + 1:02}-15,{fen * part // 100 / 100:.2f}"
                for unit, item, n, fen, part in rows
            ]
            desk = Desk(connection, Settings())  # type: ignore[arg-type]
            desk.load("opening_balances", OPENING, *lines, request_id=file)
            made, by_sql = bills(connection), books(connection)
            paid_before: dict[int, int] = dict(connection.execute(PAID_BEFORE).all())  # type: ignore[arg-type]
        assert len(made) == len(rows)
        book_again(connection, made, bring_in, source)
        assert_same(by_sql, books(connection))
        whole.rollback()


# --- what book refuses ---------------------------------------------------------------------------------------------


@pytest.fixture
def house(database: Callable[[str], Engine]) -> Iterator[Books]:
    with Session(database("billing")) as session:
        made = Books(session)
        made.household()
        made.household("H2")
        yield made


@pytest.mark.bends_the_books
def test_b7_money_is_moved_on_bills_of_the_household_that_stand(house: Books) -> None:
    own, strange = house.bill(1000, "2026-12-15"), house.bill(1000, "2026-12-15", "H2")
    house.session.execute(text("UPDATE bill SET voided_at = now() WHERE id = :id"), {"id": own})
    for bill_id in (own, strange):
        paid = Movement("payment_principal", cash_account("pos"), RECEIVABLE, 1, BookingDay(TODAY), "P1", bill_id)
        with pytest.raises(KeyError):
            book(house.session, locked(house.session, "H1"), [paid], NOW)


def test_b7_what_moves_money_on_a_bill_is_booked_by_household(house: Books) -> None:
    bill_id = house.bill(1000, "2026-12-15")
    paid = Movement("payment_principal", cash_account("pos"), RECEIVABLE, 1, BookingDay(TODAY), "P1", bill_id)
    with pytest.raises(ValueError, match="by household"):
        book_credit(house.session, house.estates["E1"], {house.households["H1"][0]: paid}, NOW)


def test_b7_movements_of_nothing_leave_no_trace(house: Books) -> None:
    bill_id = house.bill(1000, "2026-12-15")
    entries = house.one("SELECT count(*) FROM ledger_entry")
    paid = Movement("payment_principal", cash_account("pos"), RECEIVABLE, 0, BookingDay(TODAY), "P1", bill_id)
    book(house.session, locked(house.session, "H1"), [paid], NOW)
    assert house.one("SELECT count(*) FROM ledger_entry") == entries
