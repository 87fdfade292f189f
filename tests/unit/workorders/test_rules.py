"""Order law (G1–G3): transitions, roles, clocks through a life with pauses and rework, the choice of a person."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.common.contracts.errors import Conflict, Forbidden
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar
from services.workorders.dispatch.rules import Technician, choose
from services.workorders.orders import rules
from services.workorders.orders.rules import NewOrder, Order
from services.workorders.sla.rules import Escalation, Policy, planned_alarms, policy_for

CALENDAR = WorkingCalendar()
START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
DEFAULT = Policy("*", "*", "*", "wall", 1440, 2880)
CHAIN = [
    Escalation(1, 80, "warning", "estate_manager"),
    Escalation(2, 100, "breach", "estate_manager"),
    Escalation(3, 150, "breach", "group_admin"),
]


def opened(policy: Policy = DEFAULT) -> Order:
    new = NewOrder(uuid4(), "E1", "plumbing", "normal", "tap drips", None, "H1", None)
    return rules.open_order(new, "B1", policy, START, CALENDAR)


def after(order: Order, *steps: tuple[str, float]) -> Order:
    """The order after `(action, hours since the start)` steps."""
    for action, hours in steps:
        order = rules.act(order, action, START + timedelta(hours=hours), "T1", CALENDAR)
    return order


DONE = (("dispatch", 1), ("accept", 2), ("arrive", 3), ("complete", 4))


def test_the_long_way_through() -> None:
    assert after(opened(), *DONE).status == "completed"
    assert after(opened(), *DONE, ("confirm", 5)).status == "confirmed"


LAWFUL = {(source, action) for action, steps in rules.TRANSITIONS.items() for source in steps}


@pytest.mark.parametrize("status", rules.STATUSES)
@pytest.mark.parametrize("action", rules.TRANSITIONS)
def test_every_illegal_transition_is_refused_naming_state_and_ways_out(status: str, action: str) -> None:
    order = replace(opened(), status=status, paused_from="arrived" if status == "paused" else None)
    if (status, action) in LAWFUL:
        assert rules.next_status(order, action) in rules.STATUSES
        return
    with pytest.raises(Conflict) as refused:
        rules.next_status(order, action)
    assert f"is {status}" in refused.value.detail
    for other in rules.TRANSITIONS:
        if (status, other) in LAWFUL:
            assert other in refused.value.detail


def test_the_table_itself() -> None:
    assert ("created", "accept") not in LAWFUL
    assert ("created", "complete") not in LAWFUL
    assert ("accepted", "complete") not in LAWFUL
    assert ("completed", "cancel") not in LAWFUL
    assert ("cancelled", "reopen") not in LAWFUL
    assert ("confirmed", "confirm") not in LAWFUL


def test_default_and_emergency_limits() -> None:
    emergency = Policy("*", "*", "emergency", "wall", 30, 240)
    lift = Policy("*", "lift_entrapment", "*", "wall", 30, 240)
    slow_estate = Policy("E1", "*", "*", "wall", 4000, 8000)
    rows = [DEFAULT, emergency, lift, slow_estate]
    assert policy_for(rows, "E2", "plumbing", "normal") == DEFAULT
    assert policy_for(rows, "E2", "plumbing", "emergency") == emergency
    assert policy_for(rows, "E1", "plumbing", "low") == slow_estate
    assert policy_for(rows, "E1", "lift_entrapment", "low") == lift, "an estate's general limit never weakens this"
    order = opened(lift)
    assert order.respond_by == START + timedelta(minutes=30)
    assert order.resolve_by == START + timedelta(hours=4)


def test_response_is_the_first_answer_and_is_kept_through_handing_over() -> None:
    accepted = after(opened(), ("dispatch", 1), ("accept", 23))
    assert accepted.responded_at == START + timedelta(hours=23)
    assert accepted.respond_outcome == "met"
    again = after(accepted, ("dispatch", 24), ("accept", 30))
    assert again.responded_at == accepted.responded_at


def test_late_response_and_late_result_are_breaches() -> None:
    late = after(opened(), ("dispatch", 1), ("accept", 24.01), ("arrive", 40), ("complete", 48.01))
    assert (late.respond_outcome, late.resolve_outcome) == ("breached", "breached")
    just = after(opened(), ("dispatch", 1), ("accept", 24), ("arrive", 40), ("complete", 48))
    assert (just.respond_outcome, just.resolve_outcome) == ("met", "met")


def test_pause_stops_the_clock_of_the_result() -> None:
    paused = after(opened(), ("dispatch", 1), ("accept", 2), ("pause", 10))
    assert not rules.late_since(paused, "resolve", START + timedelta(hours=500))
    assert rules.resolve_by_if_resumed(paused, START + timedelta(hours=110), CALENDAR) == START + timedelta(hours=148)
    resumed = after(paused, ("resume", 110))
    assert resumed.status == "accepted"
    assert resumed.resolve_by == START + timedelta(hours=148)
    assert after(resumed, ("arrive", 111), ("complete", 148)).resolve_outcome == "met"
    assert rules.late_since(resumed, "resolve", START + timedelta(hours=148, seconds=1))


def test_a_pause_does_not_excuse_what_was_late_before() -> None:
    paused = after(opened(), ("dispatch", 1), ("accept", 2), ("pause", 50))
    assert rules.late_since(paused, "resolve", START + timedelta(hours=51))
    resumed = after(paused, ("resume", 60))
    assert resumed.resolve_by == START + timedelta(hours=48)
    assert after(resumed, ("arrive", 61), ("complete", 62)).resolve_outcome == "breached"


def test_rework_starts_the_clock_of_the_result_again() -> None:
    again = after(opened(), *DONE, ("confirm", 5), ("reopen", 30))
    assert (again.status, again.technician, again.round) == ("dispatched", "T1", 2)
    assert again.closed_at is None
    assert again.resolved_at is None
    assert again.resolve_by == START + timedelta(hours=78)
    assert again.responded_at == START + timedelta(hours=2)


def test_rework_only_within_the_time_for_it() -> None:
    done = after(opened(), *DONE)
    limit = timedelta(days=7)
    rules.require_reopenable(done, done.status_since + limit, limit)
    with pytest.raises(Conflict, match="open a new one"):
        rules.require_reopenable(done, done.status_since + limit + timedelta(seconds=1), limit)


def alarms_of(order: Order) -> list[tuple[str, int, float]]:
    plan = planned_alarms(order.round, rules.running_clocks(order), CHAIN, CALENDAR)
    return [(alarm.stage, alarm.step, (alarm.alarm_at - START) / timedelta(hours=1)) for alarm in plan]


def test_alarms_are_planned_for_running_clocks_only() -> None:
    order = opened()
    assert alarms_of(order) == [
        *(("respond", 1, 19.2), ("respond", 2, 24), ("respond", 3, 36)),
        *(("resolve", 1, 38.4), ("resolve", 2, 48), ("resolve", 3, 72)),
    ]
    accepted = after(order, ("dispatch", 1), ("accept", 2))
    assert {stage for stage, _, _ in alarms_of(accepted)} == {"resolve"}
    assert alarms_of(after(accepted, ("pause", 3))) == []
    assert alarms_of(after(accepted, ("cancel", 3))) == []
    assert alarms_of(after(accepted, ("pause", 3), ("resume", 13)))[1] == ("resolve", 2, 58)


def caller(role: str, sub: str = "someone") -> Caller:
    return Caller(sub=sub, roles=frozenset({role}), estates=frozenset({"E1"}), household="H1")


@pytest.mark.parametrize(
    ("role", "action", "may"),
    [
        *[(role, "dispatch", True) for role in ("group_admin", "region_manager", "estate_manager", "steward")],
        *[(role, "dispatch", False) for role in ("technician", "owner", "cashier", "finance", "auditor")],
        *[("technician", action, True) for action in ("accept", "arrive", "pause", "resume", "complete")],
        *[("owner", action, False) for action in ("accept", "arrive", "pause", "resume", "complete")],
        *[("owner", action, True) for action in ("confirm", "reopen", "cancel")],
        *[("technician", action, False) for action in ("confirm", "reopen", "cancel")],
    ],
)
def test_who_may_do_what(role: str, action: str, may: bool) -> None:
    assert caller(role).may(rules.NEEDS[action]) is may


def test_a_registered_technician_acts_on_the_own_orders_only() -> None:
    order = after(opened(), ("dispatch", 1))
    rules.require_own(caller("technician", "T1"), order, on_register=True)
    with pytest.raises(Forbidden):
        rules.require_own(caller("technician", "T2"), order, on_register=True)


def person(code: str, skills: str, buildings: str, load: int) -> Technician:
    return Technician(code, frozenset(skills.split()), frozenset(buildings.split()), load)


def test_choice_is_skill_then_building_then_load_and_says_why() -> None:
    crew = [
        person("T1", "electrical", "B1", 0),
        person("T2", "plumbing", "B2", 0),
        person("T3", "plumbing", "B1", 5),
        person("T4", "plumbing lift", "B1", 4),
    ]
    chosen = choose(crew, frozenset({"plumbing"}), "B1")
    assert chosen.technician == "T4"
    for part in ("skill plumbing", "building B1", "4 open orders", "3 considered"):
        assert part in chosen.reason
    assert choose(crew, frozenset({"plumbing"}), None).technician == "T2"
    assert choose(crew, frozenset(), None).technician == "T1"
    nobody = choose(crew, frozenset({"fire"}), "B2")
    assert nobody.technician == "T2"
    assert "nobody here has skill fire" in nobody.reason


def test_without_technicians_the_order_is_open_to_whoever_accepts() -> None:
    nobody = choose([], frozenset({"plumbing"}), "B1")
    assert nobody.technician is None
    assert "open to whoever accepts" in nobody.reason
