"""D1, D2, D4, D5, D8: what a ladder may be, which cause the facts suggest, names of groups."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.collections.dunning.ladder.rules import Rung, faults
from services.billing.collections.dunning.measures.rules import AMOUNT_BANDS, key_name, share
from services.billing.collections.dunning.rules import WORDINGS
from services.billing.collections.dunning.treatment.rules import Facts, suggest_cause

NOTICE = Rung("notice", 1, 14, "message", ("sms", "email"), "dunning.overdue_notice", ("no_hold",), None, 1)
DEMAND = Rung("demand", 16, 44, "message", ("letter",), "dunning.demand_letter", ("no_hold",), 15, 7)
LEGAL = Rung(
    "legal", 61, None, "task", ("staff_task",), "dunning.legal_file_task", ("no_hold", "after:demand"), None, 1
)
REMINDER = Rung("reminder", -7, 0, "message", ("sms",), "dunning.reminder", (), None, 1)
LADDER = [REMINDER, NOTICE, DEMAND, LEGAL]


def test_d1_a_ladder_without_faults() -> None:
    assert faults(LADDER) == []
    assert faults([]) == []


@pytest.mark.parametrize(
    ("ladder", "where"),
    [
        ([replace(NOTICE, template="dunning.cut_water")], "steps.0.template"),
        ([replace(NOTICE, template="sla.breach")], "steps.0.template"),
        ([replace(NOTICE, kind="task")], "steps.0.kind"),
        ([replace(NOTICE, channels=())], "steps.0.channels"),
        ([replace(NOTICE, channels=("sms", "sms"))], "steps.0.channels"),
        ([replace(NOTICE, channels=("notice_board",))], "steps.0.channels"),
        ([replace(NOTICE, latest_day=0)], "steps.0.latest_day"),
        ([replace(NOTICE, gap_days=0)], "steps.0.gap_days"),
        ([replace(NOTICE, deadline_days=0)], "steps.0.deadline_days"),
        ([replace(NOTICE, earliest_day=0)], "steps.0.earliest_day"),
        ([replace(REMINDER, latest_day=None)], "steps.0.latest_day"),
        ([replace(NOTICE, requires=())], "steps.0.requires"),
        ([replace(NOTICE, requires=("no_hold", "after:demand"))], "steps.0.requires"),
        ([replace(NOTICE, requires=("no_hold", "approval"))], "steps.0.requires"),
        ([NOTICE, NOTICE], "steps.1.code"),
        ([DEMAND, NOTICE], "steps.1.earliest_day"),
        ([NOTICE, replace(LEGAL, requires=("no_hold",))], "steps.1.template"),
    ],
)
def test_d1_d4_what_no_ladder_may_be(ladder: list[Rung], where: str) -> None:
    assert where in [place for place, _ in faults(ladder)]


def test_d4_everything_a_rung_may_do_is_known() -> None:
    words = " ".join(WORDINGS)
    assert not [word for word in ("water", "power", "heat", "gas", "access", "lift", "cut", "publish") if word in words]


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        (Facts(overdue_days=20, reminded=3, paid_soon=3, payments=3), "forgot"),
        (Facts(overdue_days=20, reminded=3, paid_soon=2, payments=3), "unknown"),
        (Facts(overdue_days=20, service_issues=1, reminded=3, paid_soon=3), "dissatisfied"),
        (Facts(overdue_days=20, vacant=True, service_issues=1), "vacant"),
        (Facts(overdue_days=20, segment="low_income"), "hardship"),
        (Facts(overdue_days=20, part_paid=1, payments=1), "hardship"),
        (Facts(overdue_days=400, legacy_dispute=True, vacant=True), "legacy_dispute"),
        (Facts(overdue_days=400, demands=1, liable="company"), "legacy_dispute"),
        (Facts(overdue_days=366, demands=1), "malicious"),
        (Facts(overdue_days=365, demands=1), "unknown"),
        (Facts(overdue_days=366), "unknown"),
        (Facts(overdue_days=366, demands=1, payments=1), "unknown"),
    ],
)
def test_d2_the_suggested_cause(facts: Facts, cause: str) -> None:
    found = suggest_cause(facts)
    assert found.cause == cause
    assert bool(found.reasons) == (cause != "unknown")


@given(st.builds(Facts, overdue_days=st.integers(0, 900), demands=st.integers(0, 3), payments=st.integers(0, 3),
                 part_paid=st.integers(0, 2), service_issues=st.integers(0, 2), vacant=st.booleans(),
                 segment=st.sampled_from([None, "low_income", "family"]), legacy_dispute=st.booleans(),
                 liable=st.sampled_from([None, "owner"])))  # fmt: skip
def test_d2_nobody_with_a_reason_is_called_malicious(facts: Facts) -> None:
    reason = facts.part_paid or facts.service_issues or facts.vacant or facts.segment == "low_income" or facts.liable
    if suggest_cause(facts).cause == "malicious":
        assert (bool(reason), facts.legacy_dispute, facts.payments) == (False, False, 0)


def test_d5_d8_names_and_shares() -> None:
    assert [key_name("bucket", str(number)) for number in range(1, 6)] == ["1-15", "16-30", "31-60", "61-365", "365+"]
    assert [key_name("amount", str(number)) for number in range(5)] == [name for name, _ in AMOUNT_BANDS]
    assert (key_name("cause", "forgot"), key_name("steward", None)) == ("forgot", None)
    assert (share(1, 3), share(0, 0)) == (0.3333, None)
