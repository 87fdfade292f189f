"""D1, D2, D5: a household's case, talks with it, why it does not pay, and the ledger of arrears."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import CaseCut, ContactNote
from services.billing.collections.dunning.measures.arrears import ArrearsCut, arrears_summary, list_arrears
from services.billing.holds import handlers as holds
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, TODAY, Books, day
from tests.support.billing.dunning import DUE, complain, on

STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


def test_d1_a_household_without_arrears_has_an_empty_case(books: Books) -> None:
    books.household()
    case = books.case()
    assert (case["steps"], case["holds"], case["next_step"], case["contacts"]) == ([], [], None, [])
    with pytest.raises(NotFound):
        books.case("H9")


def test_d1_the_next_step(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    assert books.case(today=day(on(-20)))["next_step"] == {
        "step": "reminder_7",
        "earliest_on": day(on(-7)),
        "promised_on": None,
    }
    books.sweep(on(1))
    assert books.case(today=day(on(1)))["next_step"] == {
        "step": "visit",
        "earliest_on": day(on(8)),
        "promised_on": None,
    }


def test_d1_the_next_step_goes_by_the_day_the_estate_was_last_swept_for(books: Books) -> None:
    books.household()
    books.bill(30000, DUE)
    complaint = complain(books, NOW)
    assert books.sweep(on(1))["actions"] == 0
    for today in (on(1), on(300)):
        assert books.case(today=day(today))["next_step"] == {
            "step": "overdue_notice",
            "earliest_on": day(on(1)),
            "promised_on": None,
        }
    holds.release(books.session, "complaint", complaint, "H1", NOW + timedelta(hours=1))
    for days, step in ((-7, "reminder_7"), (1, "overdue_notice"), (8, "visit"), (16, "demand_letter")):
        books.sweep(on(days))
        assert books.steps()[-1] == step
    assert books.case(today=day(on(300)))["next_step"]["step"] == "formal_notice"


def test_d1_a_contact_is_recorded_once(books: Books) -> None:
    books.household()
    said = ContactNote("phone", "after salary day", "visit", "18:30", date(2026, 11, 28), "forgot")
    request = uuid4()
    for _ in range(2):
        kept = cases.add_contact(books.session, STEWARD, "H1", request, said, NOW)
    assert (kept["answer"], kept["promised_on"], kept["contacted_by"]) == (said.answer, said.promised_on, "S1")
    assert len(books.case()["contacts"]) == 1
    assert books.case()["cause"] == "forgot"
    with pytest.raises(Conflict):
        cases.add_contact(books.session, STEWARD, "H1", request, ContactNote("phone", "other"), NOW)
    with pytest.raises(Invalid):
        cases.add_contact(books.session, STEWARD, "H1", uuid4(), ContactNote("phone", "x", "no_such_step"), NOW)
    with pytest.raises(NotFound):
        cases.add_contact(books.session, SYSTEM, "H9", uuid4(), said, NOW)


def test_d1_an_owner_sees_the_own_case_without_contacts(books: Books) -> None:
    books.household()
    cases.add_contact(books.session, STEWARD, "H1", uuid4(), ContactNote("phone", "x"), NOW)
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    assert cases.get_dunning_case(books.session, owner, "H1", TODAY)["contacts"] == []
    with pytest.raises(Forbidden):
        cases.get_dunning_case(books.session, owner.model_copy(update={"household": "H2"}), "H1", TODAY)


def test_d2_the_cause_of_arrears(books: Books) -> None:
    books.household()
    for _ in range(2):
        answer = cases.set_arrears_cause(books.session, STEWARD, "H1", "dissatisfied", "lift noise", NOW)
    assert answer == {"household": "H1", "cause": "dissatisfied", "note": "lift noise"}
    assert books.case()["cause_note"] == "lift noise"
    assert [contact["answer"] for contact in books.case()["contacts"]] == ["lift noise"]
    with pytest.raises(Forbidden):
        cases.set_arrears_cause(
            books.session, STEWARD.model_copy(update={"estates": frozenset({"E2"})}), "H1", "forgot", None, NOW
        )


def test_d1_list_of_cases(books: Books) -> None:
    for code, fen in (("H1", 1000), ("H2", 2000), ("H3", 3000)):
        books.household(code)
        books.bill(fen, DUE, code)
    books.sweep(on(1))
    books.pay(3000, on(0), "H3")
    complain(books, NOW, "H2")
    today = day(on(9))
    first = cases.list_dunning_cases(books.session, SYSTEM, CaseCut("E1"), 1, None, today)
    assert [(c["household"], c["step"], c["overdue_days"], c["held"]) for c in first["items"]] == [
        ("H1", "overdue_notice", 9, False)
    ]
    rest = cases.list_dunning_cases(
        books.session, SYSTEM, CaseCut("E1", "overdue_notice"), 5, first["next_cursor"], today
    )
    assert ([(c["household"], c["held"]) for c in rest["items"]], rest["next_cursor"]) == ([("H2", True)], None)
    assert cases.list_dunning_cases(books.session, SYSTEM, CaseCut(step="visit"), 5, None, today)["items"] == []


def listed(books: Books, today: str, **cut: Any) -> list[tuple[str, str, date]]:
    found = cases.list_dunning_cases(books.session, SYSTEM, CaseCut(**cut), 50, None, day(today))
    return [(case["household"], case["step"], case["due_date"]) for case in found["items"]]


def test_fm4_a_family_is_listed_until_nothing_is_overdue(books: Books) -> None:
    """A rung counts for every bill it spoke of, whichever of them is paid first."""
    books.household()
    books.bill(10000, DUE)
    books.bill(8000, on(1), fee_item="parking")
    books.bill(4000, on(9), fee_item="water")
    books.sweep(on(1))
    books.sweep(on(8))
    task = [("H1", "visit", day(DUE))]
    assert listed(books, on(10)) == listed(books, on(10), unanswered=True) == task
    books.pay(10030, on(10))
    rest = [("H1", "visit", day(on(1)))]
    assert listed(books, on(10)) == listed(books, on(10), unanswered=True) == rest
    assert listed(books, on(10), step="visit", unanswered=True) == rest
    books.pay(8000, on(10))
    assert listed(books, on(10)) == rest, "22 fen of late fee are left"
    books.pay(22, on(10))
    assert listed(books, on(10)) == listed(books, on(10), unanswered=True) == [], "no step spoke of the water yet"


def test_fm3_who_has_credit_for_everything_is_in_no_list_and_no_sum(books: Books) -> None:
    for code, building in (("H1", "1"), ("H2", "1"), ("H3", "2")):
        books.household(code, building=building)
        books.bill(10000, DUE, code)
    books.sweep(on(1))
    books.pay(10000, on(10), "H3")
    as_of = TODAY
    for code, fen in (("H1", 30000), ("H2", 4000)):
        books.prepay(fen, day(on(-80)), code)
    fee = 111
    shown = {row["household"]: row for row in arrears(books, ArrearsCut())}
    assert {code: (row["overdue_fen"], row["late_fee_fen"], row["claim_fen"]) for code, row in shown.items()} == {
        "H2": (10000, fee, 10000 + fee - 4000), "H3": (0, 30, 30)}, "H3 left the late fee alone"  # fmt: skip
    assert [household for household, _, _ in listed(books, as_of.isoformat())] == ["H2", "H3"]
    for group_by in ("bucket", "amount", "cause", "building", "steward"):
        total = arrears_summary(books.session, SYSTEM, ArrearsCut(), group_by, as_of)  # type: ignore[arg-type]
        assert total["overdue_fen"] == 10000
        assert sum(item["households"] for item in total["items"]) == 2
    books.session.execute(text("UPDATE household SET credit_fen = 10110 WHERE code = 'H2'"))
    assert {row["household"] for row in arrears(books, ArrearsCut(building="1"))} == {"H2"}, "one fen is left"
    books.session.execute(text("UPDATE household SET credit_fen = 10111 WHERE code = 'H2'"))
    assert arrears(books, ArrearsCut(building="1")) == []


def arrears(books: Books, cut: ArrearsCut, caller: Caller = SYSTEM, **paging: Any) -> list[dict[str, Any]]:
    found = list_arrears(books.session, caller, cut, paging.get("limit", 50), paging.get("cursor"), TODAY)
    return found["items"]  # type: ignore[no-any-return]


def test_d5_the_arrears_ledger(books: Books) -> None:
    books.household("H1", building="1")
    books.household("H2", building="2")
    books.household("H3", "E2")
    books.steward("S1", "1")
    books.bill(10000, "2026-10-15")
    books.bill(500, "2026-11-15")
    books.bill(700, "2026-12-15")
    books.bill(300, "2025-11-20", "H2")
    books.bill(300, "2026-11-15", "H3")
    cases.set_arrears_cause(books.session, SYSTEM, "H2", "vacant", None, NOW)
    everyone = arrears(books, ArrearsCut())
    assert [(a["household"], a["bucket"]) for a in everyone] == [("H1", "31-60"), ("H2", "365+"), ("H3", "1-15")]
    # 10000 × 37 days + 500 × 6 days
    assert everyone[0] | {"oldest_due_date": None} == {
        "household": "H1", "estate": "E1", "building": "1", "steward": "S1", "cause": "unknown", "overdue_fen": 10500,
        "disputed_fen": 0, "late_fee_fen": 111 + 1, "credit_fen": 0, "claim_fen": 10500 + 112, "bills": 2,
        "oldest_due_date": None, "overdue_days": 37,
        "bucket": "31-60", "buckets": {"1-15": 500, "16-30": 0, "31-60": 10000, "61-365": 0, "365+": 0},
    }  # fmt: skip
    cuts = [
        (ArrearsCut(estate="E1"), ["H1", "H2"]), (ArrearsCut(building="2"), ["H2"]), (ArrearsCut(steward="S1"), ["H1"]),
        (ArrearsCut(bucket="365+"), ["H2"]), (ArrearsCut(bucket="1-15"), ["H3"]), (ArrearsCut(cause="vacant"), ["H2"]),
    ]  # fmt: skip
    for cut, expected in cuts:
        assert [a["household"] for a in arrears(books, cut)] == expected
    assert [a["household"] for a in arrears(books, ArrearsCut(), STEWARD)] == ["H1", "H2"]
    with pytest.raises(Forbidden):
        arrears(books, ArrearsCut(estate="E2"), STEWARD)
    with pytest.raises(Invalid):
        arrears(books, ArrearsCut(bucket="7-9"))


def test_d5_arrears_are_paged(books: Books) -> None:
    for number in range(5):
        books.household(f"H{number}")
        books.bill(100, DUE, f"H{number}")
    seen, cursor = [], None
    while True:
        found = list_arrears(books.session, SYSTEM, ArrearsCut(), 2, cursor, TODAY)
        seen += [item["household"] for item in found["items"]]
        if (cursor := found["next_cursor"]) is None:
            break
    assert seen == [f"H{number}" for number in range(5)]
    with pytest.raises(Invalid):
        list_arrears(books.session, SYSTEM, ArrearsCut(), 2, "x", TODAY)
