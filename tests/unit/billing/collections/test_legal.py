"""D4: the suit gate, the kinds of legal action, publication, and the limitation clock as pure law."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.collections.legal.limitation.rules import Restart, expiry, limitation, warning
from services.billing.collections.legal.rules import (
    DEADLINE,
    DELIVERED,
    GATE,
    KINDS,
    NO_COMPLAINT,
    NO_PLAN,
    OVERDUE,
    URGED,
    Demand,
    GateFacts,
    LegalPolicy,
    may_follow,
    named_by,
    publication_conditions,
    suit_gate,
    unmet,
)

DUE = date(2026, 1, 15)
LETTER = Demand(stated_on=date(2026, 2, 14), delivered_on=date(2026, 2, 18), deadline=date(2026, 3, 1))
OPEN = GateFacts(
    as_of=date(2026, 3, 17), oldest_due=DUE, is_claimed=True, demands=(LETTER,), urgings=(date(2026, 2, 20),)
)


def names(facts: GateFacts) -> list[str]:
    return [condition.name for condition in suit_gate(facts) if not condition.met]


def test_d4_the_gate_opens_on_the_61st_day_with_everything_in_place() -> None:
    assert names(OPEN) == []
    assert [one.name for one in suit_gate(OPEN)] == list(GATE)
    since = {one.name: one.since for one in suit_gate(OPEN)}
    assert since[OVERDUE] == date(2026, 3, 17)
    assert since[DELIVERED] == LETTER.delivered_on
    assert since[DEADLINE] == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (replace(OPEN, as_of=date(2026, 3, 16)), [OVERDUE]),
        (replace(OPEN, is_claimed=False), [OVERDUE]),
        (replace(OPEN, oldest_due=None), [OVERDUE, DELIVERED, DEADLINE, URGED]),
        (replace(OPEN, demands=()), [DELIVERED, DEADLINE]),
        (replace(OPEN, demands=(replace(LETTER, deadline=OPEN.as_of),)), [DEADLINE]),
        (replace(OPEN, complaints_since=(date(2026, 3, 1),)), [NO_COMPLAINT]),
        (replace(OPEN, plans_since=(date(2026, 3, 1),)), [NO_PLAN]),
        (replace(OPEN, urgings=()), [URGED]),
        (replace(OPEN, urgings=(DUE,)), [URGED]),
    ],
)
def test_d4_each_missing_condition_alone_keeps_the_gate_shut(facts: GateFacts, missing: list[str]) -> None:
    assert names(facts) == missing
    assert all(condition.why for condition in suit_gate(facts) if not condition.met)


def test_d4_a_demand_counts_only_for_bills_it_speaks_of_and_once_it_is_there() -> None:
    older = replace(LETTER, stated_on=DUE)
    assert names(replace(OPEN, demands=(older,))) == [DELIVERED, DEADLINE]
    late = Demand(LETTER.stated_on, delivered_on=OPEN.as_of, deadline=date(2026, 3, 1))
    assert names(replace(OPEN, demands=(late,))) == [DEADLINE]
    assert names(replace(OPEN, demands=(replace(late, delivered_on=OPEN.as_of + timedelta(days=1)),))) == [
        DELIVERED, DEADLINE,
    ]  # fmt: skip


def test_d4_a_demand_without_a_deadline_gives_the_policys_days() -> None:
    plain = replace(LETTER, deadline=None)
    assert plain.answer_by(LegalPolicy(demand_days=15)) == date(2026, 3, 5)


def test_d4_no_kind_of_action_cuts_anything() -> None:
    assert set(KINDS) == {"lawyers_letter", "mediation", "suit", "arbitration"}


def test_d4_what_each_kind_needs() -> None:
    shut = suit_gate(replace(OPEN, complaints_since=(DUE,), urgings=()))
    assert [one.name for one in unmet(shut, "suit")] == [NO_COMPLAINT, URGED]
    assert [one.name for one in unmet(shut, "arbitration")] == [NO_COMPLAINT, URGED]
    assert [one.name for one in unmet(shut, "lawyers_letter")] == [NO_COMPLAINT]
    assert unmet(shut, "mediation") == []


def test_d4_the_life_of_a_file() -> None:
    assert may_follow("opened", "filed")
    assert not may_follow("opened", "judgment")
    assert may_follow("filed", "judgment")
    assert not may_follow("withdrawn", "filed")


@pytest.mark.parametrize(
    ("policy", "consent", "allowed"), [(False, None, 0), (True, None, 0), (False, DUE, 0), (True, DUE, 1)]
)
def test_d4_publication_needs_the_policy_and_the_consent(policy: bool, consent: date | None, allowed: int) -> None:
    conditions = publication_conditions(LegalPolicy(publication=policy), consent)
    assert all(one.met for one in conditions) == bool(allowed)
    assert LegalPolicy().publication is False


@pytest.mark.parametrize(
    ("cause", "named"),
    [
        ("dunning:H1:17:demand_letter", (17, "demand_letter")),
        ("dunning:H:1:17:demand_letter", (17, "demand_letter")),
        ("dunning:H1:visit", (None, "visit")),
    ],
)
def test_d4_what_a_cause_names(cause: str, named: tuple[int | None, str]) -> None:
    household = "H:1" if "H:1" in cause and "H1" not in cause else "H1"
    assert named_by(cause, household) == named


def test_d4_limitation_ends_three_years_after_the_due_date() -> None:
    clock = limitation(date(2023, 10, 15), [], date(2026, 9, 15))
    assert (clock.started_on, clock.expires_on, clock.days_left) == (date(2023, 10, 16), date(2026, 10, 15), 30)
    assert (clock.restarted_on, clock.warn) == (None, 30)


@pytest.mark.parametrize(
    ("from_day", "last"),
    [
        (date(2024, 2, 29), date(2027, 2, 28)),
        (date(2024, 2, 28), date(2027, 2, 28)),
        (date(2021, 2, 28), date(2024, 2, 28)),
        (date(2023, 12, 31), date(2026, 12, 31)),
    ],
)
def test_d4_a_day_the_month_lacks_becomes_its_last(from_day: date, last: date) -> None:
    assert expiry(from_day) == last


@pytest.mark.parametrize(
    ("left", "warn"), [(181, None), (180, 180), (91, 180), (90, 90), (31, 90), (30, 30), (0, 30), (-1, None)]
)
def test_d4_warned_at_180_90_and_30_days(left: int, warn: int | None) -> None:
    assert warning(left) == warn
    assert limitation(date(2023, 10, 15), [], date(2026, 10, 15) - timedelta(days=left)).warn == warn


def test_d4_a_demand_in_time_restarts_one_that_comes_late_does_not() -> None:
    due = date(2020, 1, 15)
    in_time = limitation(due, [Restart(date(2023, 1, 15), "demand")], date(2024, 1, 1))
    assert (in_time.expires_on, in_time.restarted_by) == (date(2026, 1, 15), "demand")
    late = [Restart(date(2023, 1, 16), "demand"), Restart(date(2023, 6, 1), "demand")]
    assert limitation(due, late, date(2024, 1, 1)).expires_on == date(2023, 1, 15)
    revived = limitation(due, [*late, Restart(date(2023, 5, 1), "promise")], date(2024, 1, 1))
    assert (revived.expires_on, revived.restarted_on) == (date(2026, 6, 1), date(2023, 6, 1))


def test_d4_what_comes_later_or_before_the_due_date_is_ignored() -> None:
    restarts = [Restart(date(2023, 10, 15), "promise"), Restart(date(2024, 10, 1), "promise")]
    assert limitation(date(2023, 10, 15), restarts, date(2024, 9, 30)).restarted_on is None


RESTARTS = st.lists(
    st.builds(
        Restart,
        st.dates(date(2015, 1, 1), date(2026, 12, 31)),
        st.sampled_from(("demand", "lawyers_letter", "proceedings", "promise", "part_payment")),
    ),
    max_size=5,
)


@given(RESTARTS, st.dates(date(2015, 1, 1), date(2020, 1, 1)), st.dates(date(2020, 1, 1), date(2027, 1, 1)))
def test_d4_any_order_of_restarts_gives_the_same_clock(restarts: list[Restart], due: date, as_of: date) -> None:
    clocks = {limitation(due, order, as_of) for order in permutations(restarts)}
    assert len(clocks) == 1
    [clock] = clocks
    assert clock.expires_on >= expiry(due)
    assert (clock.expires_on - as_of).days == clock.days_left


@given(RESTARTS, st.dates(date(2015, 1, 1), date(2020, 1, 1)))
def test_d4_an_acknowledgement_never_brings_the_end_nearer(restarts: Sequence[Restart], due: date) -> None:
    before = limitation(due, restarts, date(2027, 1, 1)).expires_on
    after = limitation(due, [*restarts, Restart(date(2024, 2, 29), "promise")], date(2027, 1, 1)).expires_on
    assert after >= max(before, date(2027, 2, 28))
