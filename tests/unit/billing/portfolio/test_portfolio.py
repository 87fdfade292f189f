"""Who pays on which day, who answers on which day, what a file may hold: pure rules (A1, A2, A4)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.charging.slices.rules import Stay, amount_fen, split_by_day, stays
from services.billing.charging.tariffs.rules import Part, Rate
from services.billing.portfolio.days import BEGINNING
from services.billing.portfolio.files import rules as files
from services.billing.portfolio.files.rules import CoOwner, Service
from services.billing.portfolio.stewards import rules as stewards
from services.billing.portfolio.stewards.rules import Term
from services.billing.portfolio.transfers import rules
from services.billing.portfolio.transfers.rules import Billed, Days, Transfer
from services.common.contracts.answers.portfolio import PayerRole, UnitStatus

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
OWNER, BUYER, TENANT = 1, 2, 3
ALWAYS = Transfer(OWNER, "owner", BEGINNING)
ONE_DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def spells(*transfers: Transfer) -> list[tuple[int, str, str | None]]:
    return [
        (d.household_id, str(d.first), None if d.last is None else str(d.last))
        for d in rules.timeline([ALWAYS, *transfers])
    ]


def test_a1_a_transfer_holds_until_the_next_by_date_in_whatever_order_they_were_recorded() -> None:
    sold = Transfer(BUYER, "owner", day("2026-10-11"))
    back_dated = Transfer(TENANT, "owner", day("2026-09-01"))
    expected = [(1, "1900-01-01", "2026-08-31"), (3, "2026-09-01", "2026-10-10"), (2, "2026-10-11", None)]
    assert spells(sold, back_dated) == expected
    assert spells(back_dated, sold) == expected


def test_a1_after_a_tenants_last_day_the_owner_of_that_time_pays_again() -> None:
    lease = Transfer(TENANT, "tenant", day("2026-06-01"), day("2026-12-31"))
    assert spells(lease) == [
        (1, "1900-01-01", "2026-05-31"), (3, "2026-06-01", "2026-12-31"), (1, "2027-01-01", None)
    ]  # fmt: skip
    sold = Transfer(BUYER, "owner", day("2026-03-01"))
    assert spells(lease, sold)[-1] == (2, "2027-01-01", None)


def test_a1_who_follows_a_tenant_on_the_next_day_leaves_no_day_to_the_owner() -> None:
    lease = Transfer(TENANT, "tenant", day("2026-06-01"), day("2026-06-30"))
    assert spells(lease, Transfer(BUYER, "owner", day("2026-07-01")))[1:] == [
        (3, "2026-06-01", "2026-06-30"), (2, "2026-07-01", None)
    ]  # fmt: skip


def test_a1_who_buys_while_a_tenant_pays_pays_from_that_day() -> None:
    lease = Transfer(TENANT, "tenant", day("2026-06-01"), day("2026-12-31"))
    assert spells(lease, Transfer(BUYER, "owner", day("2026-09-01")))[1:] == [
        (3, "2026-06-01", "2026-08-31"), (2, "2026-09-01", None)
    ]  # fmt: skip


# Few days, so that some touch.
DATES = st.dates(day("2026-09-10"), day("2026-10-20"))


@st.composite
def transfers(draw: st.DrawFn) -> list[Transfer]:
    """Any transfers of one unit, in any order: back-dated, future, tenants who leave and who stay."""
    found = [ALWAYS]
    for first in draw(st.lists(DATES, max_size=8, unique=True)):
        role = draw(st.sampled_from(["owner", "tenant", "developer"]))
        leaves = draw(st.none() | st.integers(0, 30)) if role == "tenant" else None
        last = None if leaves is None else first + timedelta(days=leaves)
        found.append(Transfer(draw(st.integers(1, 4)), role, first, last))
    return draw(st.permutations(found))


@given(transfers())
def test_a1_every_day_has_exactly_one_payer(recorded: list[Transfer]) -> None:
    days = rules.timeline(recorded)
    assert days[0].first == BEGINNING
    assert days[-1].last is None
    for one, following in pairwise(days):
        assert one.last is not None
        assert one.last >= one.first, "a day of nobody"
        assert following.first == one.last + ONE_DAY
    for transfer in recorded:
        assert rules.payer_on(days, transfer.from_date).household_id == transfer.household_id


@given(transfers(), st.integers(8, 11), st.decimals("0.01", "500", places=2), st.booleans())
def test_a1_the_days_of_a_month_add_up_to_its_amount(
    recorded: list[Transfer], month: int, area: Decimal, vacant: bool
) -> None:
    first = date(2026, month, 1)
    length = ((first.replace(day=28) + timedelta(days=4)).replace(day=1) - first).days
    last = first + timedelta(days=length - 1)
    rate = Rate("fee", "residential", length, (Part(1, 1, "per_area", Decimal("2.35"), Decimal("0.7"), length, first),))
    cut = rules.cut(rules.timeline(recorded), first, last)
    spans = [(spell.first, spell.last or last) for spell in cut]
    assert sum((end - start).days + 1 for start, end in spans) == length
    shares = split_by_day(rate, area, [[Stay(start, end, vacant)] for start, end in spans])
    assert sum(share.amount_fen for share in shares) == amount_fen(rate, area, vacant=vacant)


def test_a1_a_developers_days_are_at_the_full_price_though_the_buyers_flat_is_vacant() -> None:
    rate = Rate("fee", "residential", 30, (Part(1, 1, "fixed", Decimal(30), Decimal("0.5"), 30, date(2026, 11, 1)),))
    spans = [(date(2026, 11, 1), date(2026, 11, 10)), (date(2026, 11, 11), date(2026, 11, 30))]
    for unsold, amounts in (("unsold", [1000, 1000]), ("vacant", [500, 1000])):
        days = [stays(*spans[0], status=unsold, move_in=None), stays(*spans[1], status="vacant", move_in=None)]
        assert [share.amount_fen for share in split_by_day(rate, Decimal(1), days)] == amounts


def test_a1_only_bills_for_days_with_another_payer_are_outdated() -> None:
    bills = [Billed(n, date(2026, n, 1), date(2026, n, 28)) for n in (8, 9, 10)]
    before = [Days(OWNER, "owner", BEGINNING, None)]
    after = rules.timeline([ALWAYS, Transfer(BUYER, "owner", day("2026-09-15"))])
    assert rules.outdated(bills, before, after) == [9, 10]
    assert rules.outdated(bills, before, before) == []


@pytest.mark.parametrize(
    ("role", "first", "last", "status", "wrong"),
    [
        ("owner", "2026-11-01", None, None, []),
        ("tenant", "2026-11-01", "2026-11-01", "unsold", []),
        ("owner", "1900-01-01", None, None, ["from_date"]),
        ("owner", "2056-01-01", None, None, ["from_date"]),
        ("owner", "2026-11-01", "2026-12-01", None, ["to_date"]),
        ("tenant", "2026-11-01", "2026-10-31", None, ["to_date"]),
        ("owner", "2026-11-01", None, "unsold", ["status"]),
        ("developer", "2026-11-01", None, "vacant", ["status"]),
    ],
)
def test_a1_what_is_wrong_with_a_transfer_is_named(
    role: PayerRole, first: str, last: str | None, status: UnitStatus | None, wrong: list[str]
) -> None:
    found = rules.complaints(role, day(first), day(last) if last else None, status, TODAY)
    assert [error["loc"] for error in found] == wrong


def test_a1_a_unit_that_is_sold_is_no_longer_unsold() -> None:
    assert rules.status_given("owner", None, "unsold") == "occupied"
    assert rules.status_given("owner", "vacant", "unsold") == "vacant"
    assert rules.status_given("owner", None, "vacant") is None
    assert rules.status_given("developer", None, "vacant") == "unsold"
    assert rules.status_given("tenant", None, "unsold") is None


# --- stewards (A4) -------------------------------------------------------------------------------------------------


def test_a4_an_appointment_holds_until_the_next_one_by_date() -> None:
    terms = stewards.appoint([], "S1", day("2026-01-01"), "m", NOW)
    terms = stewards.appoint(terms, "S2", day("2026-06-01"), "m", NOW)
    terms = stewards.appoint(terms, "S3", day("2026-03-01"), "m", NOW)
    assert [(t.staff, str(t.first), None if t.last is None else str(t.last)) for t in terms] == [
        ("S1", "2026-01-01", "2026-02-28"), ("S3", "2026-03-01", "2026-05-31"), ("S2", "2026-06-01", None)
    ]  # fmt: skip
    assert stewards.appoint(terms, "S3", day("2026-04-01"), "m", NOW) == terms


def test_a4_dismissal_leaves_planned_appointments() -> None:
    terms = [Term("S1", day("2026-01-01"), day("2026-12-31")), Term("S1", day("2027-01-01"), None)]
    assert stewards.dismiss(terms, "S1", TODAY) == [
        Term("S1", day("2026-01-01"), day("2026-11-20")), Term("S1", day("2027-01-01"), None)
    ]  # fmt: skip
    assert stewards.dismiss(terms, "S2", TODAY) == terms


ACTS = st.lists(st.tuples(st.booleans(), st.sampled_from(["S1", "S2", "S3"]), DATES), max_size=10)


@given(ACTS)
def test_a4_no_building_has_two_stewards_on_a_day(acts: list[tuple[bool, str, date]]) -> None:
    terms: list[Term] = []
    for appoints, staff, first in acts:
        if appoints:
            terms = stewards.appoint(terms, staff, first, "m", NOW)
            in_office = stewards.holder(terms, first)
            assert in_office is not None
            assert in_office.staff == staff
        else:
            terms = stewards.dismiss(terms, staff, first)
            left = stewards.holder(terms, first)
            assert left is None or left.staff != staff
    for one, following in pairwise(terms):
        assert one.last is not None
        assert one.first <= one.last < following.first


# --- owner files (A2) ----------------------------------------------------------------------------------------------


def test_a1_co_owners_own_at_most_all_of_it() -> None:
    third = Decimal("0.333333")
    assert files.owners_complaints([CoOwner("a", third), CoOwner("b", third), CoOwner("c", third), CoOwner("d")]) == []
    assert [
        e["loc"] for e in files.owners_complaints([CoOwner("a", Decimal("0.6")), CoOwner("b", Decimal("0.5"))])
    ] == ["owners"]
    wrong = [CoOwner("a", Decimal(0)), CoOwner("b", Decimal("0.0000001"))]
    assert [e["loc"] for e in files.owners_complaints(wrong)] == ["owners.0.share", "owners.1.share"]


def test_a2_service_history_counts_what_is_open() -> None:
    early, late = NOW - timedelta(days=9), NOW
    events = [
        Service("complaint", early, None, 0),
        Service("complaint", early, late, 0),
        Service("complaint", late, early, 1),
        Service("work_order", None, late, 0),
    ]
    history = files.service_history(events)
    assert history["complaints"] == {"total": 3, "open": 2, "reopened": 1, "last_opened_at": late}
    assert history["work_orders"] == {"total": 1, "open": 0, "reopened": 0, "last_opened_at": None}
