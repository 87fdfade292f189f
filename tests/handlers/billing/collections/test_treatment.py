"""D1, D2, D3, D5, D8: disputes, one plan per household, suggested causes, answered visits, sums, efficiency."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import CaseCut, ContactNote
from services.billing.collections.dunning.measures.arrears import ArrearsCut, arrears_summary, list_arrears
from services.billing.collections.dunning.measures.efficiency import dunning_efficiency
from services.billing.collections.dunning.treatment import disputes
from services.billing.collections.dunning.treatment import household_plan as plans
from services.billing.collections.dunning.treatment.disputes import Settlement
from services.billing.collections.dunning.treatment.household_plan import PlanContent
from services.billing.collections.dunning.treatment.rules import reason
from services.billing.portfolio.files.handlers import FileChange, keep_file
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, TODAY, Books, day
from tests.support.billing.dunning import DUE, Diary, complain, on

STEWARD = Caller(sub="S1", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
OWNER = Caller(sub="o", roles=frozenset({"owner"}), household="H1")


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def diary(books: Books) -> Diary:
    books.household()
    return Diary(books)


def test_d1_an_owner_disputes_the_own_bill_and_staff_settle_it(diary: Diary) -> None:
    session, bill_id, request, end = diary.books.session, diary.books.bill(30000, DUE), uuid4(), uuid4()
    for _ in range(2):
        opened = disputes.dispute_bill(session, OWNER, bill_id, request, "lift", diary.tick())
    assert (opened["status"], opened["opened_by"], opened["household"]) == ("open", "o", "H1")
    with pytest.raises(Conflict):
        disputes.dispute_bill(session, OWNER, bill_id, request, "other words", diary.tick())
    with pytest.raises(Conflict):
        disputes.dispute_bill(session, STEWARD, bill_id, uuid4(), "again", diary.tick())
    with pytest.raises(Forbidden):
        disputes.settle_dispute(session, OWNER, bill_id, end, Settlement("rejected", "no"), diary.tick())
    for _ in range(2):
        settled = disputes.settle_dispute(session, STEWARD, bill_id, end, Settlement("rejected", "no"), diary.tick())
    assert (settled["status"], settled["outcome"], settled["settled_by"]) == ("settled", "rejected", "S1")
    with pytest.raises(Conflict):
        disputes.settle_dispute(session, STEWARD, bill_id, end, Settlement("upheld", "no"), diary.tick())
    with pytest.raises(Conflict):
        disputes.settle_dispute(session, STEWARD, bill_id, uuid4(), Settlement("upheld", "no"), diary.tick())
    assert [one["outcome"] for one in diary.books.case()["disputes"]] == ["rejected"]
    assert imbalance_fen(session) == 0


@pytest.mark.bends_the_books
def test_d1_what_cannot_be_disputed(diary: Diary) -> None:
    session, paid, void = diary.books.session, diary.books.bill(300, DUE), diary.books.bill(400, on(31))
    diary.pay(300, 0, bills=[paid])
    diary.void(void)
    for bill_id in (paid, void):
        with pytest.raises(Conflict):
            disputes.dispute_bill(session, OWNER, bill_id, uuid4(), "x", NOW)
    with pytest.raises(NotFound):
        disputes.dispute_bill(session, OWNER, 999, uuid4(), "x", NOW)
    with pytest.raises(Forbidden):
        disputes.dispute_bill(session, OWNER.model_copy(update={"household": "H2"}), paid, uuid4(), "x", NOW)


def plan(**fields: Any) -> PlanContent:
    return PlanContent(**{"cause": "dissatisfied", "responsible": "S1", "next_action": "call"} | fields)


def test_fc8_only_somebody_of_the_estate_is_responsible(diary: Diary) -> None:
    diary.books.household("H9", "E2")
    diary.books.staff("S2", "E2")
    for name in ("NOBODY", "S2"):
        with pytest.raises(Invalid):
            plans.make_plan(diary.books.session, STEWARD, "H1", uuid4(), plan(cause="forgot", responsible=name), NOW)
    diary.books.staff("S3")
    made = plans.make_plan(diary.books.session, STEWARD, "H1", uuid4(), plan(cause="forgot", responsible="S3"), NOW)
    assert made["responsible"] == "S3"


def test_d2_a_promise_to_put_it_right_holds_until_it_is_kept(diary: Diary) -> None:
    session = diary.books.session
    diary.books.bill(30000, DUE)
    wanted = plan(problem="lift noise", deadline=day(on(60)))
    request = uuid4()
    for _ in range(2):
        made = plans.make_plan(session, STEWARD, "H1", request, wanted, NOW)
    assert (made["problem"], made["current"], diary.books.case()["cause"]) == ("lift noise", True, "dissatisfied")
    assert diary.sweep(20) == []
    for _ in range(2):
        fixed = plans.problem_fixed(session, STEWARD, "H1", "bearing replaced", diary.tick())
    assert fixed["fixed_by"] == "S1"
    (hold,) = diary.books.case()["holds"]
    assert (hold["reason"], hold["since"], hold["source_id"]) == ("promised_fix", NOW, made["id"])
    assert hold["released_at"] == fixed["fixed_at"]
    assert diary.sweep(20) == ["H1:overdue_notice"]
    with pytest.raises(Conflict):
        plans.make_plan(session, STEWARD, "H1", request, plan(cause="forgot"), NOW)


def test_d2_a_promise_holds_no_longer_than_its_deadline(diary: Diary) -> None:
    diary.books.bill(30000, "2026-11-10")
    deadline = TODAY + timedelta(days=3)
    plans.make_plan(diary.books.session, STEWARD, "H1", uuid4(), plan(problem="noise", deadline=deadline), NOW)
    assert diary.sweep((deadline - day(DUE)).days) == []
    assert diary.books.case(today=deadline)["held"] is True
    assert diary.sweep((deadline - day(DUE)).days + 1) == ["H1:overdue_notice"]
    (hold,) = diary.books.case(today=deadline + timedelta(days=1))["holds"]
    assert (hold["until"], hold["released_at"].isoformat()) == (deadline, "2026-11-25T00:00:00+08:00")


def test_d2_one_plan_per_household_and_none_is_lost(diary: Diary) -> None:
    session = diary.books.session
    diary.books.bill(30000, DUE)
    plans.make_plan(session, STEWARD, "H1", uuid4(), plan(problem="noise", deadline=day(on(60))), NOW)
    second = plans.make_plan(session, STEWARD, "H1", uuid4(), plan(cause="hardship", note="ill"), diary.tick())
    case = diary.books.case()
    assert (case["plan"]["id"], [one["cause"] for one in case["plans"]]) == (second["id"], ["hardship", "dissatisfied"])
    assert (case["cause"], case["held"]) == ("hardship", False), "the promise of the plan before holds no longer"
    with pytest.raises(Conflict):
        plans.problem_fixed(session, STEWARD, "H1", "x", NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"problem": "noise"},
        {"deadline": TODAY},
        {"problem": "noise", "deadline": TODAY - timedelta(days=1)},
        {"problem": "noise", "deadline": TODAY + timedelta(days=366)},
    ],
)
def test_d2_what_is_no_plan(diary: Diary, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        plans.make_plan(diary.books.session, STEWARD, "H1", uuid4(), plan(**fields), NOW)
    assert diary.books.case()["plan"] is None


def suggested(diary: Diary) -> str:
    return str(diary.books.case()["suggested_cause"]["cause"])


def test_d2_suggested_from_what_is_on_the_books_and_never_set(diary: Diary) -> None:
    session = diary.books.session
    first = diary.books.bill(30000, DUE)
    assert suggested(diary) == "unknown"
    diary.sweep(1)
    diary.pay(30009, 3, bills=[first])
    diary.books.bill(20000, on(30))
    assert diary.books.case()["suggested_cause"] == {
        "cause": "forgot", "reasons": [reason("pays_when_reminded", bills=1, days=7)]}  # fmt: skip
    diary.pay(500, 31)
    assert suggested(diary) == "hardship"
    complain(diary.books, NOW)
    assert suggested(diary) == "dissatisfied"
    session.execute(text("UPDATE unit SET status = 'vacant'"))
    assert suggested(diary) == "vacant"
    assert diary.books.case()["cause"] == "unknown"
    assert cases.get_dunning_case(session, OWNER, "H1", TODAY)["suggested_cause"] is None


def test_d2_the_owners_file_speaks_for_a_cause(diary: Diary) -> None:
    """The legacy dispute of the file with the party that has to answer for it, and the segment a person set (A2)."""
    session, finance = diary.books.session, Caller(sub="f", roles=frozenset({"finance"}), estates=frozenset({"*"}))
    diary.books.bill(30000, DUE)
    keep_file(session, finance, "H1", FileChange.model_validate({"segment": "low_income"}), NOW)
    assert suggested(diary) == "hardship"
    dispute = {"liable": "developer", "since": "2024-05-01", "note": "roof leaks"}
    keep_file(session, finance, "H1", FileChange.model_validate({"legacy_dispute": dispute}), NOW)
    assert diary.books.case()["suggested_cause"] == {
        "cause": "legacy_dispute", "reasons": [reason("legacy_dispute_on_file", liable="developer")]}  # fmt: skip
    keep_file(session, finance, "H1", FileChange.model_validate({"legacy_dispute": None}), NOW)
    assert suggested(diary) == "hardship"


def test_d2_never_a_payment_in_spite_of_demands(diary: Diary) -> None:
    diary.books.bill(30000, "2025-10-15")
    assert suggested(diary) == "unknown"
    diary.daily(-364, -345)
    assert diary.books.steps() == ["overdue_notice", "visit", "demand_letter"]
    assert suggested(diary) == "malicious"


def listed(diary: Diary, **cut: Any) -> list[tuple[str, str]]:
    found = cases.list_dunning_cases(diary.books.session, SYSTEM, CaseCut(**cut), 50, None, TODAY)
    return [(case["household"], case["step"]) for case in found["items"]]


def test_d1_a_visit_is_answered_by_a_recorded_talk(diary: Diary) -> None:
    diary.books.household("H2")
    for code in ("H1", "H2"):
        diary.books.bill(30000, DUE, code)
    diary.daily(1, 8)
    assert [step["answered"] for step in diary.books.case()["steps"]] == [None, False]
    assert listed(diary, step="visit", unanswered=True) == [("H1", "visit"), ("H2", "visit")]
    said = ContactNote("visit", "next week", "visit", promised_on=TODAY + timedelta(days=7), outcome="promised")
    kept = cases.add_contact(diary.books.session, STEWARD, "H1", uuid4(), said, diary.tick())
    assert kept["outcome"] == "promised"
    diary.sweep(16)
    assert listed(diary, step="visit", unanswered=True) == listed(diary, unanswered=True) == [("H2", "visit")]
    case = diary.books.case()
    assert [step["answered"] for step in case["steps"]] == [None, True], "the ladder waits for the day promised"
    assert case["promise"]["promised_on"] == case["next_step"]["promised_on"] == said.promised_on
    later = diary.books.case(today=TODAY + timedelta(days=8))
    assert (later["promise"], later["next_step"]["promised_on"]) == (None, None)
    with pytest.raises(Invalid):
        cases.add_contact(
            diary.books.session, STEWARD, "H1", uuid4(), ContactNote("visit", "x", outcome="promised"), NOW
        )


def test_d5_sums_are_those_of_the_list(diary: Diary) -> None:
    books = diary.books
    books.household("H2", building="2")
    books.household("H3", "E2")
    books.steward("S1", "1")
    books.bill(10000, "2026-10-15")
    disputed = books.bill(500, "2026-11-15")
    books.bill(300000, "2025-11-20", "H2")
    books.bill(300, "2026-11-15", "H3")
    diary.dispute(disputed)
    everything = list_arrears(books.session, SYSTEM, ArrearsCut(), 50, None, TODAY)["items"]
    assert [one["disputed_fen"] for one in everything] == [500, 0, 0]

    def summed(group_by: Any, **cut: Any) -> dict[Any, tuple[int, int]]:
        found = arrears_summary(books.session, SYSTEM, ArrearsCut(**cut), group_by, TODAY)
        assert found["overdue_fen"] == sum(item["overdue_fen"] for item in found["items"])
        return {item["key"]: (item["households"], item["overdue_fen"]) for item in found["items"]}

    assert summed("bucket") == {"31-60": (1, 10500), "365+": (1, 300000), "1-15": (1, 300)}
    assert summed("amount") == {"under 500": (2, 10800), "1000-5000": (1, 300000)}
    assert summed("cause") == {"unknown": (3, 310800)}
    assert summed("steward") == {"S1": (1, 10500), None: (2, 300300)}
    assert summed("building", estate="E1") == {"1": (1, 10500), "2": (1, 300000)}
    assert summed("bucket", bucket="365+") == {"365+": (1, 300000)}
    assert arrears_summary(books.session, STEWARD, ArrearsCut(), "bucket", TODAY)["overdue_fen"] == 310500
    assert arrears_summary(books.session, SYSTEM, ArrearsCut(cause="vacant"), "cause", TODAY)["items"] == []


def test_d8_each_payment_counts_for_the_latest_step_before_it_only(diary: Diary) -> None:
    books = diary.books
    books.household("H2")
    books.household("H3", building="3")
    books.steward("S1", "1")
    for code in ("H1", "H2", "H3"):
        books.bill(30000, DUE, code)
    diary.daily(1, 1)
    diary.pay(10000, 3, "H1")
    diary.pay(30000, 1, "H3")
    diary.daily(8, 16)
    cases.add_contact(books.session, STEWARD, "H1", uuid4(), ContactNote("phone", "soon", "visit"), diary.tick())
    diary.pay(5000, 20, "H1")
    diary.pay(30200, 30, "H2")
    books.bill(7000, on(40), "H2")
    diary.pay(7000, 40, "H2")
    found = dunning_efficiency(books.session, SYSTEM, "E1", day(on(0)), day(on(20)), "step")
    rows = {item["key"]: item for item in found["items"]}
    assert list(rows) == ["overdue_notice", "visit", "demand_letter"]
    counted = {
        key: [row[name] for name in ("taken", "contacts", "paid_within_7", "paid_within_30", "recovered_7_fen",
                                     "recovered_30_fen")] for key, row in rows.items()
    }  # fmt: skip
    assert counted == {
        "overdue_notice": [3, 0, 2, 2, 40000, 40000],
        "visit": [2, 1, 0, 0, 0, 0],
        "demand_letter": [2, 0, 1, 2, 5000, 35000],
    }
    assert rows["overdue_notice"]["share_7"] == 0.6667
    assert found == dunning_efficiency(books.session, SYSTEM, "E1", day(on(0)), day(on(20)), "step")
    by_steward = dunning_efficiency(books.session, STEWARD, None, day(on(0)), day(on(20)), "steward")["items"]
    assert [(item["key"], item["taken"], item["recovered_30_fen"]) for item in by_steward] == [
        ("S1", 6, 45000), (None, 1, 30000)]  # fmt: skip
    books.session.execute(text("UPDATE stewardship SET to_date = :day"), {"day": day(on(-1))})
    books.steward("S2", "1", since=day(on(60)))
    by_steward = dunning_efficiency(books.session, STEWARD, None, day(on(0)), day(on(20)), "steward")["items"]
    assert [(item["key"], item["taken"]) for item in by_steward] == [(None, 7)], "between two stewards: nobody's"
    assert dunning_efficiency(books.session, SYSTEM, "E1", day(on(70)), day(on(80)), "step")["items"] == []
    with pytest.raises(Invalid):
        dunning_efficiency(books.session, SYSTEM, "E1", day(on(2)), day(on(1)), "step")
