"""C1: late fee by estate, by household and by the rule are the same fen, whatever an estate agreed on."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.policies import tables
from services.billing.receivables.late_fee.by_estate import late_fee_by_estate
from services.billing.receivables.late_fee.events import bill_events
from services.billing.receivables.late_fee.open_bills import policy_of
from services.billing.receivables.late_fee.rules import late_fee, outstanding
from services.billing.receivables.late_fee.sql import late_fees_due
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.history import entries_by_bill
from tests.support.billing.books import Books

FIRST = date(2024, 1, 10)
LAST_DAY = date(2030, 1, 1)  # after all that happens: nothing was settled since


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def agree(books: Books, chance: random.Random, estate_id: int) -> None:
    """A policy and rates of its own, or the group's."""
    if chance.random() < 0.8:
        row = {"id": estate_id, "capped": chance.random() < 0.5, "grace": chance.choice([0, 1, 7, 31])}
        row |= {"within": chance.choice(["principal_first", "late_fee_first"])}
        row |= {"mode": chance.choice(["from_due", "after_grace"])}
        books.session.execute(text("INSERT INTO collection_policy VALUES (:id, :within, :capped, :grace, :mode)"), row)
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        rate = {"id": estate_id, "since": FIRST + timedelta(days=chance.randrange(-30, 700))}
        rate |= {"daily": chance.choice(["0", "0.0003", "0.0005", "0.00012345", "0.01", "0.2"])}
        query = "INSERT INTO late_fee_rate VALUES (:id, :since, :daily) ON CONFLICT DO NOTHING"
        books.session.execute(text(query), rate)


def change(books: Books, chance: random.Random, estate: str | None, since: date) -> None:
    """A version of cap and grace, of the order, or of the rate from a day on; of an estate perhaps as the group's."""
    policy: Any = chance.choice([tables.LATE_FEE_TERMS, tables.LATE_FEE_TERMS, tables.ALLOCATION, tables.RATE])
    values: dict[str, Any] = {
        "capped": chance.random() < 0.5,
        "grace_days": chance.choice([0, 3, 31, 90]),
        "grace_mode": chance.choice(["from_due", "after_grace"]),
        "order": chance.choice(["principal_first", "late_fee_first"]),
        "daily": chance.choice(["0", "0.0003", "0.00012345", "0.001"]),
    }
    silent = estate is not None and chance.random() < 0.3
    own = None if silent else {name: values[name] for name in policy.names}
    policy.write(books.session, estate, own, since)


def live(books: Books, chance: random.Random, household: str) -> None:
    """Bills of every size; paid early, late, in part, twice, more than enough."""
    for item in range(chance.randrange(5)):
        fen = chance.choice([1, 333, 5_000, 5_000, 28_560, 10**6 + 1, 10**10 + 7, 10**12, 3 * 10**14 + 1])
        due = FIRST + timedelta(days=chance.randrange(500))
        bill_id = books.bill(fen, due.isoformat(), household, fee_item=f"item{item}")
        for _ in range(chance.choice([0, 0, 1, 1, 1, 2])):
            on = due + timedelta(days=chance.choice([-20, 0, 1, 5, 6, 30, 32, chance.randrange(400)]))
            part = chance.choice([1, fen // 3, fen // 2, fen, fen + fen // 2])
            books.pay(max(1, part), on.isoformat(), household, bills=[bill_id])


def by_the_rule(books: Books, as_of: date) -> dict[str, tuple[int, int, int]]:
    """Bills past due and grace, their principal and late fee, from the entries of the ledger alone."""
    found: dict[str, tuple[int, int, int]] = {}
    query = text("SELECT b.*, e.code AS estate FROM bill b JOIN estate e ON e.id = b.estate_id")
    for code, (household_id, *_) in books.households.items():
        account = ledger.account(books.session, code)
        assert account is not None
        policy = policy_of(account)
        rows = [row for row in books.session.execute(query) if row.household_id == household_id]
        entries = entries_by_bill(books.session, [row.id for row in rows])
        for row in rows:
            events = bill_events(entries[row.id])
            left = outstanding(row.amount_fen, events, as_of)
            fee = late_fee(row.amount_fen, row.due_date, events, as_of, policy).due_fen
            overdue = (as_of - row.due_date).days > policy.of_bill(row.due_date).grace_days
            bills, principal, fees = found.get(row.estate, (0, 0, 0))
            found[row.estate] = (bills + (overdue and left > 0), principal + left * overdue, fees + fee)
    return {estate: sums for estate, sums in found.items() if sums[1] or sums[2]}


def told(books: Books, as_of: date, past: bool, ids: list[int] | None = None) -> dict[str, tuple[int, int]]:
    rows = late_fee_by_estate(books.session, as_of, ids, past=past)
    return {row.estate: (row.principal_fen, row.late_fee_fen) for row in rows}


@pytest.mark.parametrize("seed", range(12))
def test_c1_late_fee_of_a_group_is_the_rule_to_the_fen(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    with Session(engine) as session:
        books = Books(session)
        for number in range(8):
            estate_id = books.estate(f"E{number}", clause=chance.choice(["§7", "§7", "§7", "§7", "§7", "", None]))
            agree(books, chance, estate_id)
            for _ in range(chance.choice([0, 1, 1, 2, 4])):
                who = chance.choice([None, f"E{number}", f"E{number}"])
                change(books, chance, who, FIRST + timedelta(days=chance.randrange(600)))
        for number in range(8):
            for home in range(2):
                books.household(f"H{number}{home}", f"E{number}")
                live(books, chance, f"H{number}{home}")
        days = [FIRST + timedelta(days=chance.randrange(-40, 1_000)) for _ in range(4)]
        for as_of, past in [*((day, True) for day in days), (LAST_DAY, True), (LAST_DAY, False)]:
            expected = {code: sums[1:] for code, sums in by_the_rule(books, as_of).items()}
            assert told(books, as_of, past) == expected, as_of
            one = chance.choice(sorted(books.estates))
            assert told(books, as_of, past, [books.estates[one]]) == {c: s for c, s in expected.items() if c == one}
            assert told(books, as_of, past, []) == {}
            of_homes: dict[str, Any] = dict.fromkeys(books.estates, 0)
            fees = late_fees_due(session, [row[0] for row in books.households.values()], as_of, past=past)
            for code, (household_id, *_) in books.households.items():
                assert fees.get(household_id, 0) == books.statement(as_of.isoformat(), code)["late_fee_fen"]
                of_homes[f"E{code[1]}"] += fees.get(household_id, 0)
            assert {c: fen for c, fen in of_homes.items() if fen} == {c: s[1] for c, s in expected.items() if s[1]}
        session.rollback()


@pytest.mark.parametrize("seed", range(12, 18))
def test_a_change_of_policy_changes_no_figure_that_was_told(engine: Engine, seed: int) -> None:
    """Counted by today's cap and grace, bills long paid owed again, and last month's statement was another (ADR 23)."""
    chance = random.Random(seed)
    with Session(engine) as session:
        books = Books(session)
        for number in range(4):
            agree(books, chance, books.estate(f"E{number}"))
            books.household(f"H{number}", f"E{number}")
            live(books, chance, f"H{number}")
        today = FIRST + timedelta(days=500)
        days = [today - timedelta(days=back) for back in (0, 1, 30, 200)]
        before = [(by_the_rule(books, day), told(books, day, past=True)) for day in days]
        for estate in (None, "E0", "E1", "E2"):
            change(books, chance, estate, today + timedelta(days=chance.choice([1, 40])))
        assert [(by_the_rule(books, day), told(books, day, past=True)) for day in days] == before
        session.rollback()


def test_c1_no_estate_at_all_owes_no_late_fee(engine: Engine) -> None:
    with Session(engine) as session:
        assert [
            list(late_fee_by_estate(session, LAST_DAY, ids, past=past))
            for ids in (None, [], [7])
            for past in (True, False)
        ] == [[]] * 6
