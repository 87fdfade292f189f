"""A policy changes by two people, from a day on; nothing that was told changes with it (ADR 23)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.billing.collections.policies.catalogue import CATALOGUE
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.policies import handlers
from services.common.policies.rules import Draft
from tests.support.billing.books import Books

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
TODAY, TOMORROW = date(2026, 11, 21), date(2026, 11, 22)


def who(name: str, role: str = "finance", *estates: str) -> Caller:
    return Caller(sub=name, roles=frozenset({role}), estates=frozenset(estates or {"*"}))


ANNA, BELA = who("anna"), who("bela", "group_admin")
MANAGER, AUDITOR = who("mo", "estate_manager", "E1"), who("au", "auditor")
PLAN = {"late_days": 20, "revives": False, "backdate_days": 1, "longest_months": 6}
SHIPPED = {"late_days": 15, "revives": True, "backdate_days": 3, "longest_months": 12}


@dataclass
class Office:
    """People who ask for changes and grant them, in one session."""

    session: Session
    now: datetime = NOW

    def ask(
        self,
        policy: Any = "plan",
        values: Any = PLAN,
        *,
        by: Caller = ANNA,
        estate: str | None = None,
        since: date = TODAY,
        request_id: UUID | None = None,
    ) -> Any:
        draft = Draft(policy, estate, values, since, "as resolved")
        return handlers.request_change(self.session, by, CATALOGUE, request_id or uuid4(), draft, self.now)

    def decide(self, change: Any, by: Caller = BELA, how: str = "approve") -> Any:
        story = getattr(handlers, f"{how}_change")
        return story(self.session, by, CATALOGUE, change["id"], None, self.now)

    def set(self, policy: Any, values: Any, **asked: Any) -> Any:
        return self.decide(self.ask(policy, values, **asked))

    def holds(self, policy: Any, estate: str | None = None) -> Any:
        return handlers.get_history(self.session, AUDITOR, CATALOGUE, policy, estate, business_date(self.now))

    def sleep(self, days: int) -> int:
        """So many days later the timer has its turn."""
        self.now += timedelta(days=days)
        return handlers.apply_due_alone(self.session, CATALOGUE, self.now)


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def office(books: Books) -> Office:
    books.household()
    books.household("H2", "E2")
    return Office(books.session)


def test_one_asks_and_another_grants(office: Office) -> None:
    change = office.ask(by=MANAGER, estate="E1")
    assert (change["status"], change["requested_by"], change["decided_by"]) == ("pending", "mo", None)
    assert office.holds("plan", "E1")["values"] == SHIPPED
    granted = office.decide(change)
    assert (granted["status"], granted["decided_by"], granted["applied_at"]) == ("approved", "bela", NOW)
    standing = office.holds("plan", "E1")
    assert (standing["values"], standing["source"], standing["since"]) == (PLAN, "estate", TODAY)
    assert standing["change_id"] == change["id"]
    assert [each["reason"] for each in standing["changes"]] == ["as resolved"]
    assert office.holds("plan", "E2")["source"] == "group"
    assert office.decide(change) == granted, "again changes nothing"


def test_nobody_grants_what_he_asked_for(office: Office) -> None:
    change = office.ask(by=BELA)
    with pytest.raises(Forbidden, match="two people"):
        office.decide(change)
    with pytest.raises(IntegrityError, match="four_eyes"), office.session.begin_nested():
        office.session.execute(text("UPDATE policy_change SET status = 'approved', decided_by = requested_by"))
    assert office.decide(change, by=ANNA)["status"] == "approved"


@pytest.mark.parametrize(
    ("policy", "since"),
    [("plan", TODAY - timedelta(days=1)), ("late_fee_rate", TODAY), ("late_fee_terms", TODAY), ("allocation", TODAY),
     ("plan", date(2032, 1, 1))],
)  # fmt: skip
def test_the_past_stays_as_it_was(office: Office, policy: Any, since: date) -> None:
    values = office.holds(policy)["values"]
    with pytest.raises(Invalid) as refused:
        office.ask(policy, values, since=since)
    assert refused.value.errors[0]["loc"] == "effective_from"


def test_a_change_waits_for_its_day(office: Office) -> None:
    change = office.ask(since=TODAY + timedelta(days=3))
    assert office.decide(change)["applied_at"] is None
    assert office.holds("plan")["values"]["late_days"] == 15
    assert (office.sleep(2), office.sleep(1), office.sleep(0)) == (0, 1, 0)
    assert office.holds("plan")["values"] == PLAN


def test_what_has_days_is_there_when_its_day_begins(office: Office) -> None:
    office.set("late_fee_rate", {"daily": "0.0005"}, since=TODAY + timedelta(days=2))
    assert (office.sleep(1), office.holds("late_fee_rate")["values"]) == (1, {"daily": "0.0003"})
    office.now += timedelta(days=1)
    assert office.holds("late_fee_rate")["values"] == {"daily": "0.0005"}


def test_a_grant_that_comes_after_its_day_is_refused(office: Office) -> None:
    change = office.ask(since=TODAY)
    office.now += timedelta(days=1)
    with pytest.raises(Conflict, match="has passed"):
        office.decide(change)
    assert office.decide(change, how="reject")["status"] == "rejected"


def test_a_request_is_refused_or_taken_back_once(office: Office) -> None:
    refused, own = office.ask(), office.ask()
    assert office.decide(refused, how="reject") == office.decide(refused, how="reject")
    for how in ("approve", "withdraw"):
        with pytest.raises(Conflict):
            office.decide(refused, by=ANNA if how == "withdraw" else BELA, how=how)
    with pytest.raises(Forbidden):
        office.decide(own, by=who("zoe"), how="withdraw")
    assert office.decide(own, by=ANNA, how="withdraw")["status"] == "withdrawn"
    with pytest.raises(Conflict):
        office.decide(own)


def test_what_is_granted_is_called_off_until_its_day(office: Office) -> None:
    change = office.ask(since=TODAY + timedelta(days=5))
    office.decide(change)
    assert office.decide(change, how="withdraw")["status"] == "withdrawn"
    assert office.sleep(5) == 0
    at_once = office.ask(since=business_date(office.now))
    office.decide(at_once)
    with pytest.raises(Conflict, match="in force"):
        office.decide(at_once, how="withdraw")


def test_the_same_request_answers_the_same(office: Office) -> None:
    request_id = uuid4()
    assert office.ask(request_id=request_id) == office.ask(request_id=request_id)
    with pytest.raises(Conflict):
        office.ask(request_id=request_id, values=PLAN | {"late_days": 1})


@pytest.mark.parametrize(
    ("by", "estate", "error"),
    [
        (MANAGER, None, Forbidden),
        (MANAGER, "E2", Forbidden),
        (who("st", "steward", "E1"), "E1", Forbidden),
        (AUDITOR, "E1", Forbidden),
        (ANNA, "E9", NotFound),
        (who("fi", "finance", "E1"), None, Forbidden),
    ],
)
def test_who_may_ask_for_what(office: Office, by: Caller, estate: str | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        office.ask(by=by, estate=estate)


def test_who_may_grant(office: Office) -> None:
    change = office.ask(estate="E1")
    for by in (who("mo2", "estate_manager", "E1"), AUDITOR, who("f2", "finance", "E2")):
        with pytest.raises(Forbidden):
            office.decide(change, by=by)
    with pytest.raises(NotFound):
        office.decide({"id": uuid4()})
    assert office.decide(change, by=who("f1", "finance", "E1"))["status"] == "approved"


def test_changes_are_listed_within_the_scope(office: Office) -> None:
    asked = [office.ask(), office.ask(estate="E1"), office.ask(estate="E2")]
    office.decide(asked[1])

    def listed(by: Caller, status: Any = None, estate: str | None = None) -> list[Any]:
        first = handlers.list_changes(office.session, by, status, estate, 1, None)
        rest = handlers.list_changes(office.session, by, status, estate, 9, first["next_cursor"])
        return [*first["items"], *(rest["items"] if first["next_cursor"] else [])]

    assert {change["id"] for change in listed(AUDITOR)} == {change["id"] for change in asked}
    assert {change["estate"] for change in listed(MANAGER)} == {None, "E1"}
    assert [change["id"] for change in listed(AUDITOR, "approved")] == [asked[1]["id"]]
    assert [change["estate"] for change in listed(AUDITOR, None, "E2")] == ["E2"]
    with pytest.raises(Forbidden):
        listed(MANAGER, None, "E2")


CLOSURE = {"overdue_days": 1, "opens": "09:00", "closes": "21:00", "cap_count": 1, "cap_days": 1}
WRONG: list[tuple[Any, Any, str]] = [
    ("plan", PLAN | {"late_days": -1}, "values.late_days"),
    ("plan", PLAN | {"late_days": "15"}, "values.late_days"),
    ("plan", {name: PLAN[name] for name in PLAN if name != "revives"}, "values.revives"),
    ("plan", PLAN | {"longest_months": 0}, "values.longest_months"),
    ("plan", PLAN | {"backdate_days": -1}, "values.backdate_days"),
    ("plan", PLAN | {"colour": 1}, "values.colour"),
    ("plan", None, "values"),
    ("late_fee_rate", {"daily": "0.01"}, "values.daily"),
    ("late_fee_rate", {"daily": "-0.0001"}, "values.daily"),
    ("late_fee_terms", {"capped": True, "grace_days": 0, "grace_mode": "never"}, "values.grace_mode"),
    ("allocation", {"order": "newest"}, "values.order"),
    (
        "closure",
        {"overdue_days": 1, "opens": "09:00", "closes": "09:00", "cap_count": 1, "cap_days": 1},
        "values.closes",
    ),
    ("closure_stages", {"stages": []}, "values.stages"),
    ("closure_stages", {"stages": [{"code": "a", "position": 2, "days": 1, "after_outcome": None}]}, "values.stages"),
]


@pytest.mark.parametrize(("policy", "values", "where"), WRONG)
def test_values_that_no_policy_has(office: Office, policy: Any, values: Any, where: str) -> None:
    with pytest.raises(Invalid) as refused:
        office.ask(policy, values, since=TOMORROW)
    assert {error["loc"] for error in refused.value.errors} == {where}


def test_an_estate_goes_by_the_groups_again(office: Office) -> None:
    for policy, values in {
        "plan": PLAN,
        "late_fee_rate": {"daily": "0.0001"},
        "allocation": {"order": "late_fee_first"},
    }.items():
        office.set(policy, values, estate="E1", since=TOMORROW)
        office.sleep(1)
        assert (office.holds(policy, "E1")["values"], office.holds(policy, "E1")["source"]) == (values, "estate")
        office.set(policy, None, estate="E1", since=business_date(office.now) + timedelta(days=1))
        office.sleep(1)
        standing = office.holds(policy, "E1")
        assert (standing["values"], standing["source"]) == (office.holds(policy)["values"], "group")
        office.now = NOW


def track(cause: str, replaces: str, code: str | None, **own: Any) -> dict[str, Any]:
    names = ("earliest_day", "latest_day", "kind", "channels", "template", "requires", "deadline_days", "gap_days")
    return {"cause": cause, "replaces": replaces, "code": code} | dict.fromkeys(names) | own


def test_d2_tracks_are_set_as_a_whole_and_make_a_ladder(office: Office) -> None:
    shipped = office.holds("tracks")["values"]
    assert office.set("tracks", shipped)["status"] == "approved", "what the product comes with is fit"
    fewer = {"tracks": [track("hardship", "legal_file", None), track("forgot", "visit", "visit", gap_days=9)]}
    office.set("tracks", fewer)
    assert office.holds("tracks")["values"] == {"tracks": sorted(fewer["tracks"], key=lambda each: each["cause"])}
    for wrong, where in (
        ([track("hardship", "no_rung", None)], "values.tracks.0.replaces"),
        ([track("hardship", "visit", None), track("hardship", "visit", None)], "values.tracks.1.replaces"),
        ([track("hardship", "visit", "talk")], "values.tracks.0.kind"),
        ([track("hardship", "visit", "visit", template="dunning.cut_water")], "values.tracks.0.template"),
        ([track("hardship", "visit", "visit", requires=[])], "values.tracks.0.requires"),
    ):
        with pytest.raises(Invalid) as refused:
            office.ask("tracks", {"tracks": wrong})
        assert where in {error["loc"] for error in refused.value.errors}
    with pytest.raises(Invalid):
        office.ask("tracks", fewer, estate="E1")


# --- what a change does, and does not do, to money -----------------------------------------------------------------


def test_c1_a_bill_keeps_the_cap_and_grace_of_the_day_it_fell_due(books: Books, office: Office) -> None:
    old = books.bill(10_000, "2026-11-15", fee_item="old")
    new = books.bill(10_000, "2026-12-15", fee_item="new")
    before = books.statement("2026-11-20")
    office.set("late_fee_terms", {"capped": False, "grace_days": 30, "grace_mode": "after_grace"}, since=TOMORROW)
    assert books.statement("2026-11-20") == before
    fees = {bill["id"]: bill["late_fee_fen"] for bill in books.statement("2027-01-24")["bills"]}
    # 70 days × 0.0003; 40 days less 30 of grace
    assert fees == {old: 210, new: 30}


def test_c1_a_day_accrues_by_the_rate_of_that_day(books: Books, office: Office) -> None:
    books.bill(100_000, "2026-11-15")
    told = {day: books.statement(day)["late_fee_fen"] for day in ("2026-11-16", "2026-11-20", "2026-11-21")}
    office.set("late_fee_rate", {"daily": "0.0001"}, estate="E1", since=TOMORROW)
    assert {day: books.statement(day)["late_fee_fen"] for day in told} == told
    assert books.statement("2026-11-23")["late_fee_fen"] == told["2026-11-21"] + 2 * 10


def test_b9_money_goes_by_the_order_of_its_own_day(books: Books, office: Office) -> None:
    """A payment typed late put those after it in their places by the new order, though they had come under the old."""
    bill = books.bill(100_000, "2026-10-01")
    office.set("allocation", {"order": "late_fee_first"}, estate="E1", since=TOMORROW)
    books.pay(2_000, "2026-11-20")
    books.pay(3_000, "2026-11-23")
    books.pay(1_000, "2026-11-10")  # typed last
    late_fee = books.one(
        "SELECT sum(CASE credit_account WHEN 'late_fee_income' THEN amount_fen ELSE -amount_fen END) FROM ledger_entry"
        " WHERE bill_id = :bill AND 'late_fee_income' IN (debit_account, credit_account)",
        bill=bill,
    )
    principal = books.one("SELECT paid_fen FROM bill WHERE id = :bill", bill=bill)
    assert late_fee + principal == 6_000
    assert principal >= 3_000, "what came on the 10th and the 20th paid principal first"
    assert late_fee > 0, "what came on the 23rd paid late fee first"
