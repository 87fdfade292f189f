"""Instalment plans through the real books (C3), and that SQL and Python count late fee alike with them (C1)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.receivables.late_fee import by_estate as totals
from services.billing.receivables.late_fee.by_estate import late_fee_by_estate
from services.billing.receivables.late_fee.rules import Instalment
from services.billing.receivables.late_fee.sql import late_fees_due
from services.billing.receivables.ledger.rules import LATE_FEE_INCOME, LATE_FEE_WAIVED
from services.billing.receivables.plans import handlers
from services.billing.receivables.plans import standing as keeping
from services.billing.receivables.plans.handlers import Offer
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.common.contracts.answers.late_fees import EstateLateFees
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, TODAY, Books, day

DUES = ("2025-04-15", "2025-05-15", "2025-06-15")
FINANCE = Caller(sub="finance-1", roles=frozenset({"finance"}), estates=frozenset({"*"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def offer(bills: list[int], amounts: dict[str, int], signed: str = "2025-03-01", household: str = "H1") -> Offer:
    parts = tuple(Instalment(day(due), fen) for due, fen in amounts.items())
    return Offer(household, frozenset(bills), day(signed), parts)


def sign(books: Books, wanted: Offer, now: datetime = NOW, plan_id: UUID | None = None) -> dict[str, Any]:
    return handlers.sign_plan(books.session, FINANCE, plan_id or uuid4(), wanted, now)


def plan_of(books: Books, shown: dict[str, Any], today: date = TODAY) -> dict[str, Any]:
    return handlers.get_plan(books.session, FINANCE, shown["id"], today)


def problems(wanted: Offer, books: Books, now: datetime = NOW) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as raised:
        sign(books, wanted, now)
    return [(error["loc"], error["msg"]) for error in raised.value.errors]


def fees(books: Books, as_of: str) -> int:
    """Of the household, by the statement; SQL says the same, for the household and for the estate."""
    on = day(as_of)
    fee: int = books.statement(as_of)["late_fee_fen"]
    household_id, *_ = books.households["H1"]
    assert late_fees_due(books.session, [household_id], on, past=True).get(household_id, 0) == fee
    assert sum(row.late_fee_fen for row in late_fee_by_estate(books.session, on, past=True)) == fee
    return fee


def held(books: Books) -> bool:
    shown: bool = books.case()["held"]
    return shown


@pytest.mark.parametrize(
    ("principal", "due", "payments", "planned", "as_of", "fee"),
    [
        (30000, "2025-09-15", [], False, "2025-09-15", 0),
        (30000, "2025-09-15", [], False, "2025-09-16", 9),
        (28560, "2025-03-15", [], False, "2025-06-13", 771),
        (100000, "2025-01-15", [(40000, "2025-02-14"), (60000, "2025-03-16")], False, "2025-04-30", 1440),
        (50000, "2025-04-15", [(20000, "2025-04-10"), (30000, "2025-05-15")], False, "2025-06-01", 270),
        (300000, "2025-01-15", [(100000, "2025-04-15"), (100000, "2025-06-04"), (100000, "2025-06-15")], True,
         "2025-06-15", 4650),
        (300000, "2025-01-15", [(100000, "2025-04-15"), (100000, "2025-06-04"), (100000, "2025-06-15")], True,
         "2025-12-31", 4650),
    ],
)  # fmt: skip
def test_c1_c3_worked_examples_in_the_statement_and_in_sql(
    books: Books, principal: int, due: str, payments: list[tuple[int, str]], planned: bool, as_of: str, fee: int
) -> None:
    books.household()
    bill_id = books.bill(principal, due)
    if planned:
        sign(books, offer([bill_id], dict.fromkeys(DUES, principal // 3)))
    for amount, on in payments:
        books.pay(amount, on)
    assert fees(books, as_of) == fee
    assert imbalance_fen(books.session) == 0


def test_c3_a_plan_is_signed_and_shown(books: Books) -> None:
    books.household()
    bills = [books.bill(100000, "2026-08-15"), books.bill(200000, "2026-09-15")]
    shown = sign(books, offer(bills, {"2026-11-20": 150000, "2026-12-20": 150000}, "2026-11-01"))
    assert {name: shown[name] for name in ("household", "status", "principal_fen", "late_fee_fen", "bill_ids")} == {
        "household": "H1", "status": "performing", "principal_fen": 300000, "late_fee_fen": 2340 + 2820,
        "bill_ids": bills,
    }  # fmt: skip
    first, second = shown["instalments"]
    assert (first["status"], second["status"], str(shown["breaks_on"])) == ("missed", "due", "2026-12-06")
    assert [part["bill_id"] for part in first["bills"]] == bills
    books.pay(150000, "2026-11-20")
    first, second = plan_of(books, shown)["instalments"]
    assert (first["status"], second["paid_fen"]) == ("paid", 0)
    assert [b["outstanding_fen"] for b in books.statement("2026-11-20")["bills"]] == [0, 150000]


def test_c3_dunning_waits_while_the_plan_is_kept_and_resumes_when_it_breaks(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-10-15")
    signed = datetime(2026, 11, 1, 4, tzinfo=UTC)
    shown = sign(books, offer([bill_id], {"2026-11-10": 50000, "2026-12-10": 50000}, "2026-11-01"), signed)
    assert [hold["reason"] for hold in books.case()["holds"]] == ["performing_plan"]
    assert (held(books), books.sweep("2026-11-20")["actions"]) == (True, 0)
    assert keeping.households_to_tell(books.session, day("2026-11-25")) == []
    assert keeping.households_to_tell(books.session, day("2026-11-26")) == ["H1"]
    broken = datetime(2026, 11, 26, 4, tzinfo=UTC)
    for _ in range(2):
        keeping.reckon_household(books.session, "H1", broken)
    assert keeping.households_to_tell(books.session, day("2026-11-26")) == []
    assert plan_of(books, shown, day("2026-11-26"))["status"] == "broken"
    assert (held(books), books.sweep("2026-11-26")["actions"]) == (False, 1)


def test_c3_a_payment_that_was_in_time_but_known_late_mends_the_plan(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-09-15")
    signed = datetime(2026, 10, 1, 4, tzinfo=UTC)
    shown = sign(books, offer([bill_id], {"2026-10-10": 50000, "2026-12-10": 50000}, "2026-10-01"), signed)
    keeping.reckon_household(books.session, "H1", datetime(2026, 11, 20, 4, tzinfo=UTC))
    assert (plan_of(books, shown)["status"], held(books)) == ("broken", False)
    books.pay(50000, "2026-10-12")
    assert (plan_of(books, shown)["status"], held(books)) == ("performing", True)
    assert fees(books, "2026-11-21") == 100000 * 16 * 3 // 10000 + 50000 * 2 * 3 // 10000
    books.pay(50000, "2026-11-21")
    assert (plan_of(books, shown)["status"], held(books)) == ("completed", False)
    assert imbalance_fen(books.session) == 0


def test_c3_a_past_day_shows_what_was_true_on_it(books: Books) -> None:
    books.household()
    sign(books, offer([books.bill(300000, "2025-01-15")], dict.fromkeys(DUES, 100000)))
    assert fees(books, "2025-02-28") == 300000 * 44 * 3 // 10000
    assert fees(books, "2025-04-15") == 4050
    assert fees(books, "2025-04-30") == 4050 + 450
    assert fees(books, "2025-05-01") == 300000 * 106 * 3 // 10000


def test_c3_a_plan_ended_by_staff_restores_accrual(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-09-15")
    shown = sign(books, offer([bill_id], {"2026-12-10": 100000}, "2026-10-15"))
    assert fees(books, "2026-11-21") == 100000 * 30 * 3 // 10000
    later = NOW + timedelta(minutes=5)
    for _ in range(2):
        ended = handlers.cancel_plan(books.session, FINANCE, shown["id"], "moved away", later)
    assert (ended["status"], ended["cancel_reason"], held(books)) == ("cancelled", "moved away", False)
    assert fees(books, "2026-11-20") == 100000 * 30 * 3 // 10000
    assert fees(books, "2026-11-21") == 100000 * 67 * 3 // 10000
    again = sign(books, offer([bill_id], {"2026-12-10": 100000}, "2026-11-21"), later + timedelta(minutes=5))
    assert (again["status"], held(books)) == ("performing", True)
    books.pay(100000, "2026-11-21")
    with pytest.raises(Conflict, match="completed"):
        handlers.cancel_plan(books.session, FINANCE, again["id"], "late", later)


def test_c3_broken_bills_may_be_planned_anew(books: Books) -> None:
    books.household()
    bill_id = books.bill(300000, "2025-01-15")
    old = sign(books, offer([bill_id], dict.fromkeys(DUES, 100000)))
    new = sign(books, offer([bill_id], {"2026-12-15": 300000}, "2026-11-21"))
    assert (plan_of(books, old)["status"], plan_of(books, new)["status"]) == ("cancelled", "performing")
    assert new["late_fee_fen"] == 300000 * 675 * 3 // 10000
    assert fees(books, "2026-11-21") == new["late_fee_fen"]
    assert fees(books, "2026-12-15") == new["late_fee_fen"]


def test_c3_the_same_request_is_the_same_plan(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-09-15")
    plan_id, wanted = uuid4(), offer([bill_id], {"2026-12-10": 100000}, "2026-10-15")
    first = sign(books, wanted, plan_id=plan_id)
    assert sign(books, wanted, plan_id=plan_id) == first
    for other in ({"2026-12-11": 100000}, {"2026-12-10": 99999}):
        with pytest.raises(Conflict):
            sign(books, offer([bill_id], other, "2026-10-15"), plan_id=plan_id)
    assert books.one("SELECT count(*) FROM instalment_plan") == 1


def test_c3_what_is_wrong_with_a_plan_is_named(books: Books) -> None:
    books.household()
    books.household("H2")
    mine, other = books.bill(100000, "2026-09-15"), books.bill(100000, "2026-09-15", "H2")
    good = {"2026-12-10": 100000}
    assert problems(offer([mine], good, "2026-11-22"), books) == [("signed_on", "must not be after today")]
    twice = {"2026-10-15": 50000, "2026-10-10": 50000}
    assert [loc for loc, _ in problems(offer([mine], twice, "2026-10-15"), books)] == [
        "instalments.0.due_date", "instalments.1.due_date",
    ]  # fmt: skip
    assert problems(offer([mine], {}, "2026-10-15"), books) == [("instalments", "1 to 36 of them")]
    many = {(TODAY + timedelta(days=n)).isoformat(): 1 for n in range(1, 38)}
    assert problems(offer([mine], many, "2026-10-15"), books) == [("instalments", "1 to 36 of them")]
    never = problems(offer([mine], {"9999-12-31": 100000}, "0001-01-01"), books)
    assert never == [
        ("signed_on", "must not be before 2016-11-20"), ("instalments.0.due_date", "must not be after 2036-11-21"),
    ]  # fmt: skip
    short = problems(offer([mine], {"2026-12-10": 99999}, "2026-10-15"), books)
    assert short == [("instalments", "add up to 99999 fen; the principal owed on the signing day is 100000 fen")]
    missing = problems(offer([mine, other, 999], good, "2026-10-15"), books)
    assert missing == [("bill_ids", f"{id_} is no bill of this household") for id_ in (other, 999)]
    with pytest.raises(NotFound):
        sign(books, offer([mine], good, household="H9"))


@pytest.mark.bends_the_books
def test_c3_bills_that_cannot_be_planned(books: Books) -> None:
    books.household()
    paid, void, planned = (books.bill(10000, "2026-09-15", fee_item=f"item{n}") for n in range(3))
    books.pay(10000, "2026-09-15", bills=[paid])
    books.session.execute(text("UPDATE bill SET voided_at = now() WHERE id = :id"), {"id": void})
    wanted = {"2026-12-10": 10000}
    assert problems(offer([paid], wanted, "2026-10-15"), books) == [("bill_ids", f"{paid} is paid")]
    assert problems(offer([void], wanted, "2026-10-15"), books) == [("bill_ids", f"{void} is void")]
    sign(books, offer([planned], wanted, "2026-10-15"))
    taken = [("bill_ids", f"{planned} is in another plan")]
    assert problems(offer([planned], wanted, "2026-10-15"), books) == taken


STEWARD = Caller(sub="steward-1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))


def sign_as(books: Books, caller: Caller, signed: str, due: str, **also: Any) -> dict[str, Any]:
    bill_id = books.bill(100000, "2025-01-15", fee_item=f"item {signed} {due} {caller.sub}")
    wanted = offer([bill_id], {"2026-11-25": 40000, due: 60000}, signed)
    return handlers.sign_plan(books.session, caller, uuid4(), wanted, NOW)


@pytest.mark.parametrize(
    ("signed", "due", "loc", "msg"),
    [
        ("2026-11-17", "2026-12-10", "signed_on", "must be at most 3 days ago"),
        ("2026-03-01", "2026-12-10", "signed_on", "must be at most 3 days ago"),
        ("2026-11-18", "2027-11-19", "instalments.1.due_date", "must be at most 12 months after signed_on"),
        ("2026-11-21", "2035-01-15", "instalments.1.due_date", "must be at most 12 months after signed_on"),
    ],
)
def test_c3_a_plan_beyond_the_policy_is_for_finance(books: Books, signed: str, due: str, loc: str, msg: str) -> None:
    books.household()
    before = fees(books, TODAY.isoformat())
    for role in ("steward", "estate_manager", "region_manager"):
        caller = Caller(sub=role, roles=frozenset({role}), estates=frozenset({"E1"}))
        with pytest.raises(Forbidden, match="finance") as refusal:
            sign_as(books, caller, signed, due)
        assert refusal.value.errors == [{"loc": loc, "msg": msg}]
    assert held(books) is False
    assert fees(books, TODAY.isoformat()) > before
    for role in ("finance", "group_admin"):
        caller = Caller(sub=role, roles=frozenset({role}), estates=frozenset({"*"}))
        assert sign_as(books, caller, signed, due)["status"] == "performing"


def test_c3_a_plan_within_the_policy_is_for_everybody_who_signs_plans(books: Books) -> None:
    books.household()
    assert sign_as(books, STEWARD, "2026-11-18", "2027-11-18")["status"] == "performing"
    assert sign_as(books, STEWARD, "2026-11-21", "2027-11-21")["status"] == "performing"
    own = "INSERT INTO plan_policy VALUES (:id, 15, true, 0, 2)"
    books.session.execute(text(own), {"id": books.estates["E1"]})
    for signed, due in (("2026-11-20", "2026-12-10"), ("2026-11-21", "2027-01-22")):
        with pytest.raises(Forbidden):
            sign_as(books, STEWARD, signed, due)
    assert sign_as(books, STEWARD, "2026-11-21", "2027-01-21")["status"] == "performing"


def test_c3_nothing_is_agreed_on_a_bill_before_there_was_one(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-10-15", issued="2026-10-01")
    wanted = {"2026-12-10": 100000}
    early = [("bill_ids", f"{bill_id} was issued on 2026-10-01, after the signing day")]
    assert problems(offer([bill_id], wanted, "2026-09-30"), books) == early
    assert sign(books, offer([bill_id], wanted, "2026-10-01"))["late_fee_fen"] == 0


def test_c3_not_into_a_closed_month(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-08-15")
    close = "INSERT INTO ledger_close VALUES (:estate, '2026-09-01', now(), 'finance-1', '{}')"
    books.session.execute(text(close), {"estate": books.estates["E1"]})
    wanted = {"2026-12-10": 100000}
    assert problems(offer([bill_id], wanted, "2026-09-30"), books) == [("signed_on", "its month is closed")]
    assert sign(books, offer([bill_id], wanted, "2026-10-01"))["status"] == "performing"


def test_c3_who_may(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-09-15")
    wanted = offer([bill_id], {"2026-12-10": 100000}, "2026-10-15")
    elsewhere = Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"E2"}))
    cashier = Caller(sub="c", roles=frozenset({"cashier"}), estates=frozenset({"E1"}))
    for caller in (elsewhere, cashier):
        with pytest.raises(Forbidden):
            handlers.sign_plan(books.session, caller, uuid4(), wanted, NOW)
    plan_id = sign(books, wanted)["id"]
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    assert handlers.get_plan(books.session, owner, plan_id, TODAY)["household"] == "H1"
    stranger = owner.model_copy(update={"household": "H2"})
    for call in (
        lambda: handlers.get_plan(books.session, stranger, plan_id, TODAY),
        lambda: handlers.get_plan(books.session, elsewhere, plan_id, TODAY),
        lambda: handlers.cancel_plan(books.session, elsewhere, plan_id, "no", NOW),
        lambda: handlers.cancel_plan(books.session, owner, plan_id, "no", NOW),
    ):
        with pytest.raises(Forbidden):
            call()
    with pytest.raises(NotFound):
        handlers.get_plan(books.session, FINANCE, uuid4(), TODAY)
    with pytest.raises(NotFound):
        handlers.cancel_plan(books.session, FINANCE, uuid4(), "no", NOW)


def test_c3_lists(books: Books) -> None:
    def listed(caller: Caller = FINANCE, limit: int = 50, cursor: str | None = None, **cut: Any) -> dict[str, Any]:
        asked = {"household": None, "estate": None, "status": None} | cut
        return handlers.list_plans(
            books.session, caller, asked["household"], asked["estate"], asked["status"], limit, cursor, TODAY
        )

    assert listed() == {"items": [], "next_cursor": None}
    for code in ("H1", "H2"):
        books.household(code)
        sign(books, offer([books.bill(300000, "2025-01-15", code)], dict.fromkeys(DUES, 100000), household=code))
    books.pay(300000, "2025-04-15", "H2")
    assert [one["household"] for one in listed(status="broken")["items"]] == ["H1"]
    assert [one["household"] for one in listed(status="completed", estate="E1")["items"]] == ["H2"]
    assert [one["household"] for one in listed(household="H2")["items"]] == ["H2"]
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    assert [one["household"] for one in listed(owner)["items"]] == ["H1"]
    first = listed(limit=1)
    second = listed(limit=1, cursor=first["next_cursor"])
    assert {first["items"][0]["household"], second["items"][0]["household"]} == {"H1", "H2"}
    assert second["next_cursor"] is None


def test_c3_two_replicas_tell_once(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        books = Books(session)
        books.household()
        sign(books, offer([books.bill(300000, "2026-08-15")], {"2026-11-10": 300000}, "2026-10-01"))
    broken = datetime(2026, 11, 26, 4, tzinfo=UTC)
    with Session(engine) as one, Session(engine) as other, one.begin(), other.begin():
        keeping.reckon_household(one, "H1", broken)
        keeping.reckon_household(other, "H1", broken)  # does not wait: the first has it
    with Session(engine) as session:
        assert session.scalar(text("SELECT status FROM instalment_plan")) == "broken"
        assert session.scalar(text("SELECT count(*) FROM dunning_hold_fact WHERE NOT holds")) == 1


DAYS = st.dates(date(2025, 1, 1), date(2025, 12, 31))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bills=st.lists(st.tuples(st.integers(50, 10**7), DAYS), min_size=1, max_size=3),
    early=st.lists(st.tuples(st.integers(1, 10**6), DAYS), max_size=2),
    signed=DAYS,
    gaps=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    paid=st.lists(st.tuples(st.integers(1, 100), st.integers(-10, 200)), max_size=4),
    rate=st.none() | st.tuples(DAYS, st.decimals("0", "0.01", places=6)),
    policy=st.tuples(
        st.sampled_from(["principal_first", "late_fee_first"]), st.booleans(), st.integers(0, 30),
        st.sampled_from(["from_due", "after_grace"]), st.booleans(), st.integers(0, 20),
    ),
    moves=st.lists(st.tuples(st.sampled_from(["waiver", "fee_waiver", "restoration"]), DAYS), max_size=3),
    cancelled=st.none() | st.integers(0, 150),
    days=st.lists(st.integers(-30, 500), min_size=1, max_size=3),
)  # fmt: skip
def test_c1_c3_sql_and_python_count_the_same_late_fee_with_plans(
    engine: Engine, bills: Any, early: Any, signed: date, gaps: Any, paid: Any, rate: Any, policy: Any, moves: Any,
    cancelled: int | None, days: list[int],
) -> None:  # fmt: skip
    with Session(engine) as session:
        books = Books(session)
        books.household()
        _set_policy(session, books.estates["E1"], policy, rate)
        made = [books.bill(fen, due.isoformat(), fee_item=f"item{n}") for n, (fen, due) in enumerate(bills)]
        for fen, on in early:
            books.pay(fen, on.isoformat())
        _sign_for_all(books, made, signed, gaps)
        total = sum(fen for fen, _ in bills)
        for percent, after in paid:
            books.pay(max(1, total * percent // 100), (signed + timedelta(days=after)).isoformat())
        for kind, on in moves:
            _move(books, made[0], kind, on)
        if cancelled is not None:
            query = text("UPDATE instalment_plan SET cancelled_on = :on")
            session.execute(query, {"on": signed + timedelta(days=cancelled)})
        keeping.reckon(session, books.households["H1"][0], "H1", NOW)
        for after in days:
            fees(books, (signed + timedelta(days=after)).isoformat())
        assert imbalance_fen(session) == 0
        session.rollback()


def _set_policy(session: Session, estate_id: int, policy: Any, rate: Any) -> None:
    names = ("allocation", "capped", "grace_days", "grace_mode", "revives", "late_days")
    row = dict(zip(names, policy, strict=True)) | {"id": estate_id}
    session.execute(
        text("INSERT INTO collection_policy VALUES (:id, :allocation, :capped, :grace_days, :grace_mode)"), row
    )
    session.execute(text("INSERT INTO plan_policy VALUES (:id, :late_days, :revives)"), row)
    if rate is not None:
        for since, daily in ((date(2000, 1, 1), "0.0003"), rate):
            named = {"id": estate_id, "since": since, "daily": daily}
            session.execute(text("INSERT INTO late_fee_rate VALUES (:id, :since, :daily)"), named)


def _sign_for_all(books: Books, made: list[int], signed: date, gaps: list[int]) -> None:
    """One plan over whatever is open on the day and today; the last instalment takes what does not divide."""
    shown = {line["id"]: line["outstanding_fen"] for line in books.statement(signed.isoformat())["bills"]}
    issued = set(books.session.scalars(text("SELECT id FROM bill WHERE issued_on <= :on"), {"on": signed}))
    still = {line["id"] for line in books.statement("2030-01-01")["bills"] if line["outstanding_fen"]}
    wanted = {bill_id: shown.get(bill_id, 0) for bill_id in made if shown.get(bill_id, 0) and bill_id in still & issued}
    owed = sum(wanted.values())
    if owed < len(gaps):
        return
    due, parts = signed, []
    for number, gap in enumerate(gaps):
        due += timedelta(days=gap)
        share = owed // len(gaps)
        parts.append(Instalment(due, share if number < len(gaps) - 1 else owed - share * (len(gaps) - 1)))
    sign(books, Offer("H1", frozenset(wanted), signed, tuple(parts)))


def _move(books: Books, bill_id: int, kind: str, on: date) -> None:
    """A waiver of principal, of late fee, or money going back."""
    row = books.session.execute(text("SELECT * FROM bill WHERE id = :id"), {"id": bill_id}).one()
    if kind == "fee_waiver":
        cause = f"waiver of {on}"  # a grant counts on one day
        books.move("late_fee_waived", LATE_FEE_WAIVED, LATE_FEE_INCOME, 10, on, bill_id, cause=cause)
    elif kind == "waiver":
        books.waive(bill_id, (row.amount_fen - row.paid_fen - row.waived_fen) // 2, on)
    else:
        books.give_back(bill_id, row.paid_fen // 2, on)


def test_c1_late_fee_by_estate(books: Books) -> None:
    assert totals.late_fees(books.session, SYSTEM, None, TODAY, TODAY)["estates"] == []
    books.household()
    books.household("H2", "E2")
    books.estate("E3", clause=None)
    books.household("H3", "E3")
    for code in ("H1", "H2", "H3"):
        books.bill(100000, "2026-10-15", code)
    books.bill(100000, "2026-12-15", fee_item="not_due")
    books.pay(40000, "2026-10-25", "H2")
    sign(books, offer([books.bill(50000, "2026-10-15", fee_item="planned")], {"2026-12-10": 50000}, "2026-10-25"))
    # 37 days to today
    lines = [
        EstateLateFees("E1", bills=2, principal_fen=150000, late_fee_fen=1110 + 150),
        EstateLateFees("E2", bills=1, principal_fen=60000, late_fee_fen=300 + 486),
        EstateLateFees("E3", bills=1, principal_fen=100000, late_fee_fen=0),
    ]
    shown = totals.late_fees(books.session, SYSTEM, None, TODAY, TODAY)
    assert shown == {"as_of": TODAY, "estates": lines, "principal_fen": 310000, "late_fee_fen": 2046}
    then = totals.late_fees(books.session, SYSTEM, "E2", day("2026-10-24"), TODAY)
    assert then["estates"] == [EstateLateFees("E2", bills=1, principal_fen=100000, late_fee_fen=270)]
    steward = Caller(sub="s", roles=frozenset({"steward"}), estates=frozenset({"E2"}))
    own = totals.late_fees(books.session, steward, None, TODAY, TODAY)
    assert [line.estate for line in own["estates"]] == ["E2"]
    with pytest.raises(Forbidden):
        totals.late_fees(books.session, steward, "E1", TODAY, TODAY)
    with pytest.raises(NotFound):
        totals.late_fees(books.session, SYSTEM, "E9", TODAY, TODAY)


def test_c1_a_bill_too_large_for_whole_numbers_is_counted_all_the_same(books: Books) -> None:
    books.household()
    books.bill(10**15 + 1, "2024-01-15")
    assert fees(books, "2026-11-21") == ((10**15 + 1) * 3 * 1041 + 5000) // 10000


def test_c1_settled_late_fee_and_restored_principal_mark_a_bill_apart(books: Books) -> None:
    books.household()
    bill_id = books.bill(100000, "2026-09-15")
    books.pay(40000, "2026-09-20")
    assert books.one("SELECT late_fee_apart FROM bill") is False
    books.pay(60010, "2026-09-20")
    assert books.one("SELECT late_fee_apart FROM bill") is True
    books.session.execute(text("UPDATE bill SET late_fee_apart = false"))
    books.give_back(bill_id, 5, TODAY)
    assert books.one("SELECT late_fee_apart FROM bill") is True
