"""FC6: each answer is shaped by the permission of each part, whichever door it comes through (I3)."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.collections.dunning.measures.arrears import ArrearsCut, arrears_summary, list_arrears
from services.billing.collections.risk import handlers as risk
from services.billing.service import BillingService
from services.common.contracts.errors import Forbidden, PublicError
from services.common.database import transaction
from services.common.domain.access import Caller
from tests.support.billing.books import NOW, SYSTEM, TODAY, Books
from tests.support.billing.dunning import DUE, Diary

OWNER = {"sub": "o", "roles": ["owner"], "household": "H1"}
CASHIER = Caller(sub="c", roles=frozenset({"cashier"}), estates=frozenset({"E1"}))
# What staff think of a household, and who of them it was.
HIDDEN = {
    "arrears_cause", "cause", "segment", "legacy_dispute", "suggested_cause", "band", "probability", "plan", "promise",
    "opened_by", "settled_by", "responsible", "contacted_by", "changed_by",
}  # fmt: skip
ALSO_HIDDEN = {"contacts", "promises", "plans", "changes"}
WORDS = ("malicious", "low_income", "legal_file", "steward-7", "he lies")


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def service(engine: Engine) -> BillingService:
    """A household of which staff think the worst, with everything on record there can be."""
    with transaction(engine) as session:
        books = Books(session)
        books.household()
        bill = books.bill(30000, DUE)
        session.execute(text("UPDATE household SET arrears_cause = 'malicious', segment = 'low_income'"))
        session.execute(
            text("INSERT INTO household_file (household_id, other_phones, dispute_liable, dispute_since, dispute_note) "
                 "SELECT id, '{}', 'owner', '2024-01-01', 'he lies' FROM household")
        )  # fmt: skip
        diary = Diary(books)
        diary.daily(1, 40)
        steward = Caller(sub="steward-7", roles=frozenset({"steward"}), estates=frozenset({"E1"}))
        made = BillingService()
        made.engine = engine
        risk.score_next_estate(session, NOW)
    for method, more in (
        ("add_contact", {"kind": "phone", "answer": "he lies", "promised_on": str(TODAY)}),
        ("make_household_plan", {"cause": "malicious", "responsible": "steward-7", "next_action": "he lies"}),
    ):
        getattr(made, method)(caller=steward.model_dump(), household="H1", request_id=str(uuid4()), **more)
    made.dispute_bill(caller=steward.model_dump(), bill_id=bill, request_id=str(uuid4()), reason="roof")
    return made


def doors(service: BillingService) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every door that needs no more than a household, or not even that."""
    for name, method in inspect.getmembers(type(service), inspect.isfunction):
        parameters = inspect.signature(inspect.unwrap(method)).parameters
        needed = {key for key, one in parameters.items() if one.default is inspect.Parameter.empty} - {"self"}
        if "caller" in needed and needed <= {"caller", "household"}:
            yield name, {"household": "H1"} if "household" in parameters else {}


def told(answer: Any) -> Iterator[tuple[str, Any]]:
    """Every key of an answer with its value, however deep."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield key, value
            yield from told(value)
    elif isinstance(answer, list | tuple):
        for value in answer:
            yield from told(value)


def test_fc6_an_owner_reads_nothing_of_what_staff_think_through_any_door(service: BillingService) -> None:
    answers = {}
    for name, arguments in doors(service):
        try:
            answers[name] = getattr(service, name)(caller=OWNER, **arguments)
        except PublicError:
            continue
    assert {"get_household", "get_dunning_case", "get_statement"} <= answers.keys()
    for name, answer in answers.items():
        found = {key for key, value in told(answer) if (key in HIDDEN and value is not None) or
                 (key in ALSO_HIDDEN and value)}  # fmt: skip
        assert (name, found) == (name, set())
        assert [(name, word) for word in WORDS if word in str(answer)] == []
    case = answers["get_dunning_case"]
    assert [step["kind"] for step in case["steps"]] == ["message"] * len(case["steps"])
    assert case["steps"]
    assert case["disputes"]


def test_fc6_staff_who_may_read_them_see_all_parts(service: BillingService) -> None:
    home = service.get_household(caller=SYSTEM.model_dump(), household="H1")
    case = service.get_dunning_case(caller=SYSTEM.model_dump(), household="H1")
    assert (home["arrears_cause"], home["segment"], home["legacy_dispute"]["note"]) == (
        "malicious", "low_income", "he lies")  # fmt: skip
    assert case["contacts"]
    assert case["plan"]["responsible"] == "steward-7"
    assert "task" in {step["kind"] for step in case["steps"]}


def test_fc6_a_cashier_reads_no_cause_where_the_case_is_refused(service: BillingService) -> None:
    with pytest.raises(Forbidden):
        service.get_dunning_case(caller=CASHIER.model_dump(), household="H1")
    shown = service.get_household(caller=CASHIER.model_dump(), household="H1")
    assert (shown["arrears_cause"], shown["segment"]) == (None, "low_income")
    with Session(service.engine) as session:
        [row] = list_arrears(session, CASHIER, ArrearsCut(), 50, None, TODAY)["items"]
        assert row["cause"] is None
        with pytest.raises(Forbidden):
            list_arrears(session, CASHIER, ArrearsCut(cause="malicious"), 50, None, TODAY)
        with pytest.raises(Forbidden):
            arrears_summary(session, CASHIER, ArrearsCut(), "cause", TODAY)
