"""Complaint law (H1, H2) and rating law (H3)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from services.common.contracts.errors import Conflict, Invalid
from services.common.domain.access import Caller
from services.common.domain.calendar import SHANGHAI, WorkingCalendar
from services.feedback.complaints import rules
from services.feedback.complaints.rules import Complaint, NewComplaint, Receiver
from services.feedback.sla.rules import COMMITMENT, TARGET, Escalation, Policy, policy_for
from services.feedback.surveys.rules import Answer, Survey, Tally, answer, tally_of

CALENDAR = WorkingCalendar()
DEFAULT = Policy("*", "*", "*", 1440, 4320, 2, 7)
CHAIN = [
    Escalation(1, TARGET, 80, "warning", "steward"),
    Escalation(2, TARGET, 100, "escalation", "estate_manager"),
    Escalation(3, COMMITMENT, 100, "breach", "group_admin"),
]
FRIDAY = datetime(2026, 2, 13, 10, 0, tzinfo=SHANGHAI)
HOUR = timedelta(hours=1)


def registered(at: datetime = FRIDAY) -> Complaint:
    new = NewComplaint(uuid4(), "E1", "service", "high", "nobody came", "phone", "H1", None)
    return rules.open_complaint(new, "B1", "S1", DEFAULT, at, CALENDAR)


def after(complaint: Complaint, *steps: tuple[str, float]) -> Complaint:
    for action, hours in steps:
        complaint = rules.act(complaint, action, "words", "S1", FRIDAY + hours * HOUR, CALENDAR)
    return complaint


@pytest.mark.parametrize(
    ("received", "two", "seven"),
    [
        (FRIDAY, date(2026, 2, 24), date(2026, 3, 2)),
        (datetime(2025, 9, 26, 18, 0, tzinfo=SHANGHAI), date(2025, 9, 29), date(2025, 10, 13)),
    ],
)
def test_both_clocks_of_the_worked_examples(received: datetime, two: date, seven: date) -> None:
    complaint = registered(received)
    assert complaint.respond_target_by == received + 24 * HOUR
    assert complaint.resolve_target_by == received + 72 * HOUR
    assert (complaint.respond_commitment_on, complaint.resolve_commitment_on) == (two, seven)
    assert complaint.provisional_year is None
    assert complaint.level == "high"


def test_target_may_be_missed_and_the_commitment_kept() -> None:
    complaint = after(registered(), ("respond", 30), ("resolve", 24 * 17))
    assert rules.outcome_of(complaint, "respond", TARGET) == "breached"
    assert rules.outcome_of(complaint, "respond", COMMITMENT) == "met"
    assert rules.outcome_of(complaint, "resolve", TARGET) == "breached"
    assert rules.outcome_of(complaint, "resolve", COMMITMENT) == "met"
    too_late = after(registered(), ("respond", 30), ("resolve", 24 * 18))
    assert rules.outcome_of(too_late, "resolve", COMMITMENT) == "breached"


def test_late_is_what_is_not_done_past_its_promise() -> None:
    complaint = registered()
    assert not rules.is_late(complaint, "respond", TARGET, FRIDAY + 24 * HOUR)
    assert rules.is_late(complaint, "respond", TARGET, FRIDAY + 25 * HOUR)
    assert not rules.is_late(complaint, "respond", COMMITMENT, FRIDAY + 25 * HOUR)
    assert not rules.is_late(after(complaint, ("respond", 30)), "respond", TARGET, FRIDAY + 40 * HOUR)


LAWFUL = {(source, action) for action, steps in rules.TRANSITIONS.items() for source in steps}


@pytest.mark.parametrize("status", ["registered", "responded", "resolved", "closed"])
@pytest.mark.parametrize("action", rules.TRANSITIONS)
def test_illegal_steps_are_refused_naming_the_state(status: str, action: str) -> None:
    complaint = replace(registered(), status=status)
    if (status, action) in LAWFUL:
        assert rules.require_lawful(complaint, action, "words")
        return
    with pytest.raises(Conflict, match=f"is {status}"):
        rules.require_lawful(complaint, action, "words")


@pytest.mark.parametrize("steps", [(), (("respond", 1),)])
def test_closes_only_after_the_complainant_was_answered(steps: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(Conflict):
        after(registered(), *steps, ("close", 2))
    assert after(registered(), ("respond", 1), ("resolve", 2), ("close", 3)).closed_at is not None


@pytest.mark.parametrize("action", ["respond", "resolve"])
def test_an_answer_has_words(action: str) -> None:
    complaint = replace(registered(), status="responded")
    with pytest.raises(Invalid):
        rules.act(complaint, action, None, "S1", FRIDAY, CALENDAR)


def test_interim_answers_keep_the_first_response() -> None:
    complaint = after(registered(), ("respond", 1), ("respond", 30))
    assert complaint.responded_at == FRIDAY + HOUR


def test_a_reopened_complaint_starts_all_clocks_again() -> None:
    again = after(registered(), ("respond", 1), ("resolve", 2), ("close", 3), ("reopen", 24 * 20))
    received = FRIDAY + 24 * 20 * HOUR
    assert (again.status, again.round, again.closed_at, again.responded_at) == ("registered", 2, None, None)
    assert again.respond_target_by == received + 24 * HOUR
    assert again.created_at == FRIDAY
    resolved = rules.act(again, "resolve", "words", "S2", received + HOUR, CALENDAR)
    assert resolved.responded_at == resolved.resolved_at == received + HOUR, "the result answers, too"


def test_handler_is_who_answers_and_accountable_stays() -> None:
    complaint = rules.act(registered(), "respond", "words", "M1", FRIDAY, CALENDAR)
    assert (complaint.accountable, complaint.handler) == ("S1", "M1")


def test_first_receiver_is_accountable() -> None:
    receivers = [
        Receiver("M1", "estate_manager", frozenset()),
        Receiver("S1", "steward", frozenset({"B1"})),
        Receiver("S2", "steward", frozenset({"B2"})),
    ]
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    desk = Caller(sub="C1", roles=frozenset({"cashier"}), estates=frozenset({"E1"}))
    assert rules.accountable_for(desk, receivers, "B2") == "C1"
    assert rules.accountable_for(owner, receivers, "B2") == "S2"
    assert rules.accountable_for(owner, receivers, "B9") == "M1"
    assert rules.accountable_for(owner, [], "B1") is None


def test_alarms_follow_target_shares_and_the_end_of_the_commitment() -> None:
    plan = [(a.stage, a.step, a.alarm_at) for a in rules.planned_alarms(registered(), CHAIN)]
    day_end = timedelta(hours=24) - timedelta(microseconds=1)
    assert plan == [
        ("respond", 1, FRIDAY + timedelta(hours=19.2)),
        ("respond", 2, FRIDAY + 24 * HOUR),
        ("respond", 3, datetime(2026, 2, 24, tzinfo=SHANGHAI) + day_end),
        ("resolve", 1, FRIDAY + timedelta(hours=57.6)),
        ("resolve", 2, FRIDAY + 72 * HOUR),
        ("resolve", 3, datetime(2026, 3, 2, tzinfo=SHANGHAI) + day_end),
    ]
    assert {a.stage for a in rules.planned_alarms(after(registered(), ("respond", 1)), CHAIN)} == {"resolve"}
    assert rules.planned_alarms(after(registered(), ("respond", 1), ("resolve", 2)), CHAIN) == []


def test_an_unannounced_year_is_provisional_until_it_is_known() -> None:
    complaint = registered(datetime(2026, 12, 29, 9, 0, tzinfo=SHANGHAI))
    assert complaint.provisional_year == 2027
    assert complaint.resolve_commitment_on == date(2027, 1, 7)
    known = WorkingCalendar({date(2027, 1, 1): False, date(2027, 1, 2): True}, CALENDAR.announced | {2027})
    moved = rules.recomputed(complaint, known)
    assert moved.provisional_year is None
    assert moved.resolve_commitment_on == date(2027, 1, 7), "the holiday and its make-up day cancel out"
    holidays = {date(2027, 1, day): False for day in (1, 4, 5)}
    longer = rules.recomputed(complaint, WorkingCalendar(holidays, CALENDAR.announced | {2027}))
    assert longer.resolve_commitment_on == date(2027, 1, 12)


def test_policy_prefers_the_closest_row() -> None:
    major = Policy("*", "*", "major", 60, 600, 1, 3)
    estate = Policy("E1", "*", "*", 5000, 9000, 5, 9)
    rows = [DEFAULT, major, estate]
    assert policy_for(rows, "E2", "fee", "normal") == DEFAULT
    assert policy_for(rows, "E1", "fee", "normal") == estate
    assert policy_for(rows, "E1", "fee", "major") == major


NOW = datetime(2026, 11, 2, tzinfo=UTC)
SURVEY = Survey(uuid4(), "order", uuid4(), "E1", "B1", "H1", "plumbing", "T1", NOW)


def test_one_answer_per_invitation() -> None:
    answered = answer(SURVEY, Answer(uuid4(), 5, "fine"), "owner", NOW)
    assert (answered.score, answered.text, answered.answered_by, answered.answered_at) == (5, "fine", "owner", NOW)
    with pytest.raises(Conflict, match="one answer per invitation"):
        answer(answered, Answer(uuid4(), 5, "fine"), "owner", NOW)


def test_tally() -> None:
    scores = [5, 4, 3, None]
    tallies = [tally_of(replace(SURVEY, score=score)) for score in scores]
    assert sum(tallies, Tally()).as_result() == {
        "responses": 3,
        "invited": 4,
        "response_rate": 0.75,
        "csat": 0.6667,
        "average": 4.0,
    }
    assert Tally(invited=1).as_result()["csat"] is None


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("normal", "normal"),
        ("high", "serious"),
        ("urgent", "major"),
        ("重大", "major"),
        ("P2", "normal"),
        ("1", "normal"),
    ],
)
def test_any_word_is_a_level_and_finds_a_policy(word: str, level: str) -> None:
    assert rules.policy_level(word) == level
