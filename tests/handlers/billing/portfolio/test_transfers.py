"""Units that change hands, on a real PostgreSQL: by request, by file, by day (A1, A3)."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.policy import put_policy
from services.billing.portfolio.estates import handlers as portfolio
from services.billing.portfolio.estates.takeover import take_over
from services.billing.portfolio.transfers import handlers
from services.billing.portfolio.transfers.handlers import Place, TransferRequest
from services.billing.receivables.trial_balance.handlers import imbalance_fen
from services.billing.settings import Settings
from services.billing.tables import lock_estate
from services.common.contracts.answers.transfers import Payers, Transfer
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import ContactsRegistered, HouseholdsRegistered
from services.common.domain.access import Caller
from tests.support.billing.desk import FINANCE, OPENING, TARIFFS, UNITS, Desk, manager
from tests.support.outbox import events

HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,vacant,H2,李雷,13812345679",
    "E1,2,201,100.00,residential,unsold,DEV,开发商,13812345670",
)
SOLD = TransferRequest("H3", "owner", date(2026, 10, 11), "sold", owner_name="韩梅梅", owner_phone="13900000003")
FLAT = Place("E1", "101")
PAYERS = """SELECT h.code, p.role, p.from_date, p.to_date FROM unit_payer p JOIN household h ON h.id = p.household_id
    JOIN unit u ON u.id = p.unit_id WHERE u.code = :unit ORDER BY p.from_date"""
HOLDER = "SELECT h.code, u.status FROM unit u JOIN household h ON h.id = u.household_id WHERE u.code = :unit"
BILLS = """SELECT h.code, to_char(b.period, 'MM'), b.amount_fen FROM bill b JOIN household h ON h.id = b.household_id
    JOIN unit u ON u.id = b.unit_id WHERE u.code = :unit AND b.voided_at IS NULL ORDER BY b.period, h.code"""


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    desk = Desk(database("billing"), Settings())
    desk.estate("E1", *HOMES)
    desk.estate("E2", "E2,1,901,10,residential,occupied,H9,赵六,13812345671")
    return desk


def move(
    desk: Desk,
    asked: TransferRequest = SOLD,
    place: Place = FLAT,
    *,
    request: UUID | None = None,
    caller: Caller = FINANCE,
) -> Transfer:
    with Session(desk.engine) as session, session.begin():
        return handlers.transfer(session, caller, place, asked, request or uuid4(), desk.now)


def undo(desk: Desk, transfer_id: UUID, place: Place = FLAT) -> Transfer:
    with Session(desk.engine) as session, session.begin():
        return handlers.undo(session, FINANCE, place, transfer_id, "a mistake", desk.now)


def seen(desk: Desk, place: Place = FLAT, caller: Caller = FINANCE) -> Payers:
    with Session(desk.engine) as session:
        return handlers.payers(session, caller, place, date(2026, 11, 21))


def at(desk: Desk, month: int, day: int, year: int = 2026) -> Desk:
    return replace(desk, now=datetime(year, month, day, 4, tzinfo=UTC))


def round_of(desk: Desk) -> list[bool]:
    """One tick of the timer."""
    with Session(desk.engine) as session:
        due = handlers.estates_due(session, desk.now)
    done = []
    for estate_id in due:
        with Session(desk.engine) as session, session.begin():
            done.append(take_over(session, estate_id, desk.now))
    return done


def balanced(desk: Desk) -> bool:
    with Session(desk.engine) as session:
        return imbalance_fen(session) == 0


def test_a1_a_sale_keeps_history_and_tells_the_others(desk: Desk) -> None:
    told = move(desk)
    assert (told["took_effect"], told["unit"], told["bills_to_reissue"]) == (True, "E1/101", [])
    assert told["payers"] == [
        {"household": "H1", "role": "owner", "from_date": None, "to_date": date(2026, 10, 10)},
        {"household": "H3", "role": "owner", "from_date": date(2026, 10, 11), "to_date": None},
    ]
    assert desk.rows(HOLDER, unit="101") == [("H3", "occupied")]
    with Session(desk.engine) as session:
        contacts, homes = events(session, ContactsRegistered)[-1], events(session, HouseholdsRegistered)[-1]
    assert [(c.household, c.name, c.building) for c in contacts.contacts] == [
        ("H1", "王小明", "1"),
        ("H3", "韩梅梅", "1"),
    ]
    assert [(h.household, h.unit) for h in homes.households] == [("H1", "E1/101"), ("H3", "E1/101")]


def test_a1_the_month_is_billed_by_day_to_each_payer_and_only_once(desk: Desk) -> None:
    move(desk)
    desk.run()
    assert desk.rows(BILLS, unit="101") == [("H1", "10", 6620), ("H3", "10", 13903)]
    assert desk.run()["bills"] == 0
    desk.run("2026-11")
    assert desk.rows(BILLS, unit="101")[2:] == [("H3", "11", 20523)]
    assert balanced(desk)


def test_a1_who_comes_back_within_a_month_gets_one_bill_for_all_days(desk: Desk) -> None:
    move(desk)
    move(desk, TransferRequest("H1", "owner", date(2026, 10, 21), "bought back"))
    desk.run()
    assert desk.rows(BILLS, unit="101") == [("H1", "10", 13903), ("H3", "10", 6620)]
    assert desk.run()["bills"] == 0


def test_a1_a_back_dated_transfer_edits_no_bill_and_names_those_to_reissue(desk: Desk) -> None:
    for period in ("2026-08", "2026-09", "2026-10"):
        desk.run(period)
    before = desk.rows(BILLS, unit="101")
    told = move(desk, replace(SOLD, from_date=date(2026, 9, 16)))
    assert [(b["household"], b["period"], b["amount_fen"]) for b in told["bills_to_reissue"]] == [
        ("H1", "2026-09", 20523),
        ("H1", "2026-10", 20523),
    ]
    assert desk.rows(BILLS, unit="101") == before
    assert balanced(desk)


def test_a1_bills_to_reissue_are_judged_by_the_months_they_were_issued_for(desk: Desk) -> None:
    """The policy of today said nothing of a quarter that was billed before it: its bill was not named."""
    quarterly = BillingPolicy("quarterly", "arrears", 15, 1, roll_to_working_day=False)
    with Session(desk.engine) as session, session.begin():
        put_policy(session, FINANCE, "E1", quarterly)
    desk.run("2026-09")
    with Session(desk.engine) as session, session.begin():
        put_policy(session, FINANCE, "E1", replace(quarterly, cycle="monthly"))
    told = move(desk, replace(SOLD, from_date=date(2026, 9, 11)))
    assert [(b["household"], b["period"]) for b in told["bills_to_reissue"]] == [("H1", "2026-07")]


def test_a1_consumption_caught_up_is_outdated_by_a_transfer_of_its_days(desk: Desk) -> None:
    desk.load("tariffs", TARIFFS, "E1,water,metered,residential,3,2020-01-01,")
    desk.publish("E1")
    read = ("E1,101,water,2026-07-31,0", "E1,101,water,2026-09-30,20")
    desk.load("meter_readings", "estate_code,unit_code,meter,read_on,reading", *read)
    desk.run("2026-09", fee_items=["water"])
    told = move(desk, replace(SOLD, from_date=date(2026, 9, 1)))
    assert [b["fee_item"] for b in told["bills_to_reissue"]] == ["water"]
    undo(desk, told["id"])
    caught_up = move(desk, replace(SOLD, household="H4", from_date=date(2026, 8, 15)))
    undo(desk, caught_up["id"])
    assert [b["fee_item"] for b in caught_up["bills_to_reissue"]] == ["water"], "August is in September's bill"


def test_a1_a_future_transfer_takes_effect_on_its_day_in_one_replica_and_once(desk: Desk) -> None:
    told = move(desk, replace(SOLD, from_date=date(2026, 12, 1), status="vacant"))
    assert not told["took_effect"]
    assert desk.rows(HOLDER, unit="101") == [("H1", "occupied")]
    assert round_of(desk) == []
    day = at(desk, 12, 1)
    with Session(desk.engine) as busy, busy.begin():
        lock_estate(busy, desk.one("SELECT id FROM estate WHERE code = 'E1'"))
        assert round_of(day) == [False]
    assert round_of(day) == [True]
    assert desk.rows(HOLDER, unit="101") == [("H3", "vacant")]
    assert round_of(day) == []
    recorded = desk.one("SELECT count(*) FROM outbox")
    assert round_of(at(desk, 12, 2)) == []
    assert desk.one("SELECT count(*) FROM outbox") == recorded


def test_a1_a_late_timer_does_not_delay_the_split_of_a_bill(desk: Desk) -> None:
    move(desk, replace(SOLD, from_date=date(2026, 12, 11)))
    at(desk, 1, 5, 2027).run("2026-12")
    assert desk.rows(BILLS, unit="101") == [("H1", "12", 6620), ("H3", "12", 13903)]


def test_a1_a_tenant_pays_while_it_lasts_then_the_owner_again(desk: Desk) -> None:
    tenant = replace(SOLD, role="tenant", from_date=date(2026, 11, 1), to_date=date(2026, 11, 30), reason="lease")
    move(desk, tenant)
    assert desk.rows(HOLDER, unit="101") == [("H3", "occupied")]
    assert round_of(at(desk, 12, 1)) == [True]
    assert desk.rows(HOLDER, unit="101") == [("H1", "occupied")]


def test_a1_the_developer_owes_in_full_until_the_unit_is_sold(desk: Desk) -> None:
    sold = replace(SOLD, from_date=date(2026, 10, 11), status="vacant")
    move(desk, sold, Place("E1", "201"))
    assert desk.rows(HOLDER, unit="201") == [("H3", "vacant")]
    desk.run()
    # 235 yuan × 10/31, and × 0.7 × 21/31 for the vacant flat of the buyer
    assert desk.rows(BILLS, unit="201") == [("DEV", "10", 7581), ("H3", "10", 11143)]
    assert [p["role"] for p in seen(desk, Place("E1", "201"))["items"]] == ["developer", "owner"]


def test_a1_undoing_the_last_transfer_gives_everything_back(desk: Desk) -> None:
    unit = Place("E1", "201")
    told = move(desk, SOLD, unit)
    assert desk.rows(HOLDER, unit="201") == [("H3", "occupied")]
    desk.run()
    undone = undo(desk, told["id"], unit)
    assert {(b["household"], b["amount_fen"]) for b in undone["bills_to_reissue"]} == {("DEV", 7581), ("H3", 15919)}
    assert undone["undone_at"] is not None
    assert desk.rows(HOLDER, unit="201") == [("DEV", "unsold")]
    assert desk.rows(PAYERS, unit="201") == [("DEV", "developer", date(1900, 1, 1), None)]
    assert undo(desk, told["id"], unit) == undone
    assert move(desk, replace(SOLD, from_date=date(2026, 10, 12)), unit)["took_effect"]
    assert [t["undone_by"] for t in seen(desk, unit)["transfers"]] == [None, "finance-1"]


def test_a1_only_the_last_transfer_can_be_undone(desk: Desk) -> None:
    first = move(desk)
    second = move(desk, TransferRequest("H2", "owner", date(2026, 9, 1), "found in the archive"))
    with pytest.raises(Conflict):
        undo(desk, first["id"])
    undo(desk, second["id"])
    undo(desk, first["id"])
    assert desk.rows(HOLDER, unit="101") == [("H1", "occupied")]
    with pytest.raises(NotFound):
        undo(desk, str(uuid4()))
    with pytest.raises(NotFound):
        undo(desk, first["id"], Place("E1", "102"))


def test_a1_the_same_request_is_answered_the_same_and_another_is_refused(desk: Desk) -> None:
    request = uuid4()
    first = move(desk, request=request)
    move(desk, TransferRequest("H2", "owner", date(2026, 11, 1), "sold on"))
    assert move(desk, request=request) == first
    with pytest.raises(Conflict):
        move(desk, replace(SOLD, reason="other"), request=request)
    with pytest.raises(Conflict):
        move(desk, place=Place("E1", "102"), request=request)


def test_a1_a_day_that_is_taken_and_a_transfer_to_oneself_are_conflicts(desk: Desk) -> None:
    move(desk)
    for asked in (
        TransferRequest("H2", "owner", date(2026, 10, 11), "another buyer"),
        TransferRequest("H3", "owner", date(2026, 11, 1), "again"),
    ):
        with pytest.raises(Conflict):
            move(desk, asked)


def test_a1_transfers_of_one_unit_at_the_same_time_follow_one_another(desk: Desk) -> None:
    asked = [TransferRequest("H2", "owner", date(2026, 3, n), "x") for n in (1, 1, 1, 1)]
    asked += [replace(SOLD, household=f"N{n}", from_date=date(2026, 4, n)) for n in (1, 2)]

    def attempt(one: TransferRequest) -> bool:
        try:
            return bool(move(desk, one))
        except Conflict:
            return False

    with ThreadPoolExecutor(max_workers=6) as pool:
        done = list(pool.map(attempt, asked))
    assert sum(done[:4]) == 1
    assert done[4:] == [True, True]
    assert [row[0] for row in desk.rows(PAYERS, unit="101")] == ["H1", "H2", "N1", "N2"]


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (TransferRequest("H7", "owner", date(2026, 11, 1), "x"), {"owner_name", "owner_phone"}),
        (replace(SOLD, household="H 7", owner_phone="no"), {"household", "owner_phone"}),
        (TransferRequest("H9", "owner", date(2026, 11, 1), "x"), {"household"}),
        (replace(SOLD, household="H2"), {"owner_name", "owner_phone"}),
        (replace(SOLD, to_date=date(2026, 12, 1), status="unsold"), {"to_date", "status"}),
    ],
)
def test_a1_everything_wrong_with_a_transfer_is_named(desk: Desk, asked: TransferRequest, wrong: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        move(desk, asked)
    assert {error["loc"] for error in refused.value.errors} == wrong
    assert desk.one("SELECT count(*) FROM unit_payer") == 0


def test_a1_roles_scope_and_unknown_units(desk: Desk) -> None:
    for caller in (manager("E2"), manager("E1", role="steward")):
        with pytest.raises(Forbidden):
            move(desk, caller=caller)
    with pytest.raises(NotFound):
        move(desk, place=Place("E1", "999"))
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    with pytest.raises(Forbidden):
        seen(desk, caller=owner)


def test_a1_a_unit_that_never_changed_hands_has_one_payer(desk: Desk) -> None:
    assert seen(desk)["items"] == [
        {"household": "H1", "role": "owner", "from_date": None, "to_date": None, "current": True}
    ]


def test_a1_an_owner_of_several_units_sees_them_and_the_days_they_were_paid_for(desk: Desk) -> None:
    move(desk, TransferRequest("H1", "owner", date(2026, 10, 11), "bought"), Place("E1", "102"))
    move(desk, replace(SOLD, from_date=date(2026, 12, 1)))
    owner = Caller(sub="o", roles=frozenset({"owner"}), household="H1")
    with Session(desk.engine) as session:
        seen_by_owner = portfolio.get_household(session, owner, "H1")
    assert [u["unit"] for u in seen_by_owner["units"]] == ["E1/101", "E1/102"]
    assert [(d["unit"], d["from_date"], d["to_date"]) for d in seen_by_owner["payer_days"]] == [
        ("E1/101", None, date(2026, 11, 30)),
        ("E1/102", date(2026, 10, 11), None),
    ]


def test_a1_the_database_itself_refuses_two_payers_on_a_day(desk: Desk) -> None:
    move(desk)
    with pytest.raises(Exception, match="unit_payer_days_excl"):
        desk.write("""INSERT INTO unit_payer (unit_id, household_id, role, from_date, to_date)
            SELECT unit_id, household_id, 'owner', DATE '2026-01-01', DATE '2026-01-02' FROM unit_payer LIMIT 1""")


SPELLS = "SELECT unit_id, from_date, coalesce(to_date, DATE '9999-12-31') AS to_date FROM unit_payer"
GAPS = f"""SELECT count(*) FROM (SELECT from_date, lag(to_date) OVER (PARTITION BY unit_id ORDER BY from_date) AS past
    FROM ({SPELLS}) s) t WHERE from_date <> coalesce(past + 1, DATE '1900-01-01')"""
WRONG_HOLDERS = """SELECT count(*) FROM unit u JOIN unit_payer p ON p.unit_id = u.id AND p.from_date <= :today
    AND coalesce(p.to_date, :today) >= :today WHERE p.household_id <> u.household_id"""


@pytest.mark.parametrize("seed", range(4))
def test_a1_any_sequence_leaves_one_payer_a_day_and_bills_that_add_up(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    recorded: list[UUID] = []
    for step in range(14):
        if recorded and chance.random() < 0.25:
            undo(desk, recorded.pop())
            continue
        role = chance.choice(["owner", "tenant", "tenant"])
        first = date(2026, 7, 1) + timedelta(days=chance.randrange(220))
        last = first + timedelta(days=chance.randrange(60)) if role == "tenant" else None
        asked = replace(SOLD, household=f"N{step % 5}", role=role, from_date=first, to_date=last, owner_name=None)
        asked = replace(asked, owner_name="n" if step < 5 else None, owner_phone="13900000000" if step < 5 else None)
        try:
            recorded.append(move(desk, asked)["id"])
        except (Conflict, Invalid):
            continue  # the day is taken, nothing would change, or the household is not known yet
    assert recorded
    for month in range(7, 13):
        desk.run(f"2026-{month:02}")
    assert desk.one(GAPS) == 0
    assert desk.one("SELECT count(*) FROM unit_payer WHERE to_date IS NULL") == 1
    assert desk.one(WRONG_HOLDERS, today=date(2026, 11, 21)) == 0
    sums = desk.rows("SELECT sum(amount_fen)::int FROM bill b JOIN unit u ON u.id = b.unit_id WHERE u.code = '101'"
                     " GROUP BY period")  # fmt: skip
    assert sums == [(20_523,)] * 6
    assert sum(desk.run(f"2026-{month:02}")["bills"] for month in range(7, 13)) == 0
    assert balanced(desk)


# --- by file (A3) --------------------------------------------------------------------------------------------------

NEW_OWNER = HOMES[0].replace("H1,王小明,13812345678", "H5,周杰,13800000005")


def test_a3_a_file_with_another_household_is_a_transfer_from_today(desk: Desk) -> None:
    desk.run()
    result = desk.load("units", UNITS, NEW_OWNER)
    assert (result["updated"], result["unchanged"]) == (1, 0)
    assert desk.rows(PAYERS, unit="101") == [
        ("H1", "owner", date(1900, 1, 1), date(2026, 11, 20)),
        ("H5", "owner", date(2026, 11, 21), None),
    ]
    assert desk.rows(HOLDER, unit="101") == [("H5", "occupied")]
    assert desk.load("units", UNITS, NEW_OWNER)["unchanged"] == 1


def test_a3_an_entry_nobody_was_billed_for_is_corrected_without_history(desk: Desk) -> None:
    desk.load("units", UNITS, NEW_OWNER)
    assert desk.rows(PAYERS, unit="101") == []
    assert desk.rows(HOLDER, unit="101") == [("H5", "occupied")]


def test_a3_a_file_may_name_the_day(desk: Desk) -> None:
    desk.load("units", UNITS + ",payer_from", NEW_OWNER + ",2026-10-11")
    desk.run()
    assert desk.rows(BILLS, unit="101") == [("H1", "10", 6620), ("H5", "10", 13903)]
    assert desk.load("units", UNITS + ",payer_from", NEW_OWNER + ",2026-10-11")["unchanged"] == 1
    with pytest.raises(Invalid) as refused:
        desk.load("units", UNITS + ",payer_from", NEW_OWNER + ",1900-01-01", HOMES[1] + ",2099-01-01")
    assert [(e["line"], e["column"]) for e in refused.value.errors] == [(2, "payer_from"), (3, "payer_from")]


def test_a3_another_day_for_the_same_payer_is_not_passed_over_in_silence(desk: Desk) -> None:
    """The correction of a day was answered with `unchanged`, and the old payer was billed on."""
    dated = UNITS + ",payer_from"
    desk.load("units", dated, NEW_OWNER + ",2026-10-20")
    with pytest.raises(Invalid) as refused:
        desk.load("units", dated, HOMES[1] + ",", NEW_OWNER + ",2026-10-11")
    [error] = refused.value.errors
    assert (error["line"], error["column"]) == (3, "payer_from")
    assert "2026-10-20" in error["msg"]
    [(transfer_id,)] = desk.rows("SELECT id FROM unit_transfer WHERE source = 'import'")
    undo(desk, transfer_id)
    assert desk.load("units", dated, NEW_OWNER + ",2026-10-11")["updated"] == 1
    assert desk.load("units", dated, NEW_OWNER + ",2026-10-11")["unchanged"] == 1
    desk.run()
    assert desk.rows(BILLS, unit="101") == [("H1", "10", 6620), ("H5", "10", 13903)]


def test_a3_a_file_older_than_a_transfer_changes_nothing(desk: Desk) -> None:
    move(desk, SOLD, Place("E1", "201"))
    before = desk.one("SELECT count(*) FROM outbox"), desk.rows(PAYERS, unit="201")
    result = desk.load("units", UNITS, *HOMES)
    assert (result["created"], result["updated"], result["unchanged"]) == (0, 0, 3)
    assert (desk.one("SELECT count(*) FROM outbox"), desk.rows(PAYERS, unit="201")) == before
    assert desk.rows(HOLDER, unit="201") == [("H3", "occupied")]


def test_a3_once_a_file_has_caught_up_the_next_change_is_news(desk: Desk) -> None:
    move(desk)
    caught_up = HOMES[0].replace("H1,王小明,13812345678", "H3,韩梅梅,13900000003")
    assert desk.load("units", UNITS, caught_up)["unchanged"] == 1
    assert desk.load("units", UNITS, caught_up)["unchanged"] == 1
    assert desk.load("units", UNITS, HOMES[0])["updated"] == 1
    assert [row[0] for row in desk.rows(PAYERS, unit="101")] == ["H1", "H3", "H1"]
    assert desk.rows(HOLDER, unit="101") == [("H1", "occupied")]


def test_a3_a_file_does_not_overrule_a_transfer_of_the_same_day(desk: Desk) -> None:
    move(desk, replace(SOLD, from_date=date(2026, 11, 21)))
    with pytest.raises(Invalid) as refused:
        desk.load("units", UNITS, HOMES[1], NEW_OWNER)
    [error] = refused.value.errors
    assert (error["line"], error["column"]) == (3, "household_code")
    assert "H3 from 2026-11-21" in error["msg"]


def test_a3_a_later_file_of_the_same_day_replaces_the_earlier_one(desk: Desk) -> None:
    desk.run()
    desk.load("units", UNITS, NEW_OWNER)
    desk.load("units", UNITS, HOMES[0].replace("H1,王小明,13812345678", "H6,吴六,13800000006"))
    assert [row[0] for row in desk.rows(PAYERS, unit="101")] == ["H1", "H6"]
    assert desk.rows(HOLDER, unit="101") == [("H6", "occupied")]


def test_a3_an_opening_balance_is_of_who_paid_then(desk: Desk) -> None:
    move(desk)
    desk.load("opening_balances", OPENING, "E1,101,property_fee,2025-01,300.00,2025-02-15,")
    assert desk.rows(BILLS, unit="101") == [("H1", "01", 30_000)]
    assert balanced(desk)


def test_a1_who_sold_the_last_unit_can_still_be_reached(desk: Desk) -> None:
    """Who left the last unit is still told with it, so that what is owed can be asked for."""
    move(desk)
    desk.load("units", UNITS + ",email", HOMES[0].replace("王小明", "王大明") + ",li@example.com")
    with Session(desk.engine) as session:
        latest = events(session, ContactsRegistered)[-1]
    assert [(c.household, c.email) for c in latest.contacts] == [("H1", "li@example.com")]
