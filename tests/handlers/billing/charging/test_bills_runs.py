"""Bill runs on a real PostgreSQL: billed exactly once, balanced, told, resumable (B4, B6, B7)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from services.billing.charging.bills import handlers
from services.billing.settings import Settings
from services.common.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from services.common.contracts.events import BillRunSliceRequested, BillsIssued
from services.common.messaging.parking import park, replay, waiting
from tests.support.billing.desk import NOW, OPENING, TARIFFS, UNITS, Desk, manager
from tests.support.billing.pricing import give_credit
from tests.support.outbox import events

HOMES = (
    "E1,1,101,87.33,residential,occupied,H1,王小明,13812345678",
    "E1,1,102,100.00,residential,vacant,H2,李雷,13812345679",
    "E1,2,201,50.00,residential,occupied,H1,王小明,13812345678",
)


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    return Desk(database("billing"), Settings(slice_units=2))


def issued(desk: Desk) -> list[BillsIssued]:
    with Session(desk.engine) as session:
        return events(session, BillsIssued)


def test_b4_a_run_bills_every_unit_and_posts_it(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    done = desk.run()
    assert {k: done[k] for k in ("status", "estates_total", "estates_done", "bills", "amount_fen", "anomalies")} == {
        "status": "done",
        "estates_total": 1,
        "estates_done": 1,
        "bills": 3,
        "amount_fen": 20_523 + 16_450 + 11_750,
        "anomalies": [],
    }
    assert desk.rows(
        "SELECT u.code, amount_fen, due_date, b.building, issued_on FROM bill b JOIN unit u ON u.id = unit_id"
        " ORDER BY u.code"
    ) == [
        ("101", 20_523, date(2026, 11, 15), "1", date(2026, 10, 31)),
        ("102", 16_450, date(2026, 11, 15), "1", date(2026, 10, 31)),
        ("201", 11_750, date(2026, 11, 15), "2", date(2026, 10, 31)),
    ]
    assert desk.rows(
        "SELECT debit_account, credit_account, count(*)::int, sum(amount_fen)::int FROM ledger_entry GROUP BY 1, 2"
    ) == [("receivable", "fee_income", 3, 48_723)]
    assert (
        desk.one("SELECT count(*) FROM ledger_entry e JOIN bill b ON b.id = e.bill_id AND b.amount_fen = e.amount_fen")
        == 3
    )
    assert desk.rows("SELECT building, billed_fen, billed_count FROM rate_rollup ORDER BY 1") == [
        ("1", 36_973, 2),
        ("2", 11_750, 1),
    ]


def test_b4_issued_bills_are_told_to_others(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    run_id = desk.run()["id"]
    told = issued(desk)
    assert {(e.run_id, e.estate, e.fee_item, e.period, e.due_date) for e in told} == {
        (run_id, "E1", "property_fee", "2026-10", date(2026, 11, 15))
    }
    bills = [(bill.household, bill.amount_fen, bill.open_fen) for event in told for bill in event.bills]
    assert sorted(bills) == [("H1", 11_750, 11_750), ("H1", 20_523, 20_523), ("H2", 16_450, 16_450)]
    assert {bill.bill_id for event in told for bill in event.bills} == {
        row[0] for row in desk.rows("SELECT id FROM bill")
    }


def test_b4_bills_are_told_in_batches_of_500(desk: Desk) -> None:
    homes = [f"E1,1,{n},10.00,residential,occupied,H{n},a,13800000000" for n in range(1, 1_203)]
    desk.settings = Settings()
    desk.estate("E1", *homes)
    assert desk.run()["bills"] == 1_202
    assert sorted(len(event.bills) for event in issued(desk)) == [202, 500, 500]


def test_b4_running_twice_bills_once(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.run()
    again = desk.run()
    assert (again["status"], again["bills"], again["amount_fen"]) == ("done", 0, 0)
    assert desk.one("SELECT count(*) FROM bill") == 3
    assert len(issued(desk)) == 2  # one per slice of the first run


def test_b4_a_second_run_finds_bills_under_a_building_renamed_since(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.run()
    desk.write("UPDATE unit SET building = 'north', household_id = (SELECT id FROM household WHERE code = 'H2')")
    desk.load("units", UNITS, "E1,north,301,10,residential,occupied,H2,李雷,13812345679")
    assert (desk.run()["bills"], desk.one("SELECT count(*) FROM bill")) == (1, 4)


def test_b4_the_same_slice_twice_bills_once(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    run_id = desk.start()
    for slice_id in desk.slices(run_id) * 2:
        desk.bill(slice_id)
    assert desk.progress(run_id)["bills"] == 3
    assert desk.one("SELECT sum(amount_fen)::int FROM ledger_entry") == 48_723


def test_b4_two_runs_at_the_same_time_bill_once(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    runs = [desk.start() for _ in range(4)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(desk.bill, [slice_id for run_id in runs for slice_id in desk.slices(run_id)]))
    assert [desk.progress(run_id)["status"] for run_id in runs] == ["done"] * 4
    assert sum(desk.progress(run_id)["bills"] for run_id in runs) == 3
    assert desk.one("SELECT count(*) FROM bill") == 3


def test_b4_a_slice_that_dies_leaves_nothing_and_is_billed_later(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    run_id = desk.start()
    first, second = desk.slices(run_id)
    desk.bill(first)
    assert desk.progress(run_id)["status"] == "running"
    desk.write("ALTER TABLE outbox ADD CONSTRAINT broken CHECK (event <> 'bills_issued') NOT VALID")
    with pytest.raises(DBAPIError):
        desk.bill(second)
    assert desk.one("SELECT count(*) FROM bill") == 2
    desk.write("ALTER TABLE outbox DROP CONSTRAINT broken")
    desk.bill(second)
    assert (desk.progress(run_id)["status"], desk.one("SELECT count(*) FROM bill")) == ("done", 3)


def requests(desk: Desk) -> list[BillRunSliceRequested]:
    with Session(desk.engine) as session:
        return events(session, BillRunSliceRequested)


def take(desk: Desk, request: BillRunSliceRequested, attempt: int = 1) -> None:
    with Session(desk.engine) as session, session.begin():
        handlers.take(session, request, attempt, now=NOW, settings=desk.settings)


def three_small_estates(desk: Desk) -> UUID:
    for code in ("E1", "E2", "E3"):
        desk.estate(code, f"{code},1,101,87.33,residential,occupied,H{code},王小明,13812345678")
    return desk.start()


def test_b4_small_estates_share_a_request_and_are_slices_still(desk: Desk) -> None:
    run_id = three_small_estates(desk)
    assert [1 + len(request.more) for request in requests(desk)] == [2, 1]
    for request in requests(desk) * 2:
        take(desk, request)
    progress = desk.progress(run_id)
    assert (progress["status"], progress["estates_done"], progress["bills"]) == ("done", 3, 3)
    assert {event.estate: len(event.bills) for event in issued(desk)} == {"E1": 1, "E2": 1, "E3": 1}
    assert desk.rows("SELECT DISTINCT bills FROM bill_run_slice") == [(1,)]


def test_b4_an_estate_that_fails_takes_no_other_with_it(desk: Desk) -> None:
    run_id = three_small_estates(desk)
    request = requests(desk)[0]
    desk.write("ALTER TABLE bill ADD CONSTRAINT broken CHECK (estate_id > 1) NOT VALID")
    with pytest.raises(DBAPIError):
        take(desk, request)
    assert desk.one("SELECT count(*) FROM bill") == 0
    take(desk, request, attempt=2)
    first, second = requests(desk)[-2:]
    assert (first.more, second.more) == ([], [])
    with pytest.raises(DBAPIError):
        take(desk, first)
    take(desk, second)
    progress = desk.progress(run_id)
    assert (progress["estates_done"], progress["bills"]) == (1, 1)
    named = desk.rows(
        "SELECT s.event_id = o.event_id FROM bill_run_slice s JOIN outbox o ON (o.data->>'slice_id')::int = s.id"
        " AND o.event = 'bill_run_slice_requested' WHERE s.id < 3 ORDER BY s.id, o.id"
    )
    assert named == [(False,), (True,), (True,)], "a slice is parked when the request that asks for it now is"


def test_b4_a_parked_slice_fails_the_run_until_it_is_replayed(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    run_id = desk.start()
    first, second = desk.slices(run_id)
    event_id = desk.rows("SELECT event_id FROM bill_run_slice ORDER BY id")[0][0]
    with Session(desk.engine) as session, session.begin():
        event = "bill_run_slice_requested"
        body = (
            f'{{"event_id": "{event_id}", "event": "{event}", "version": 1, "source": "billing", "aggregate": "a",'
            f' "occurred_at": "{NOW.isoformat()}", "trace_id": "", "data": {{}}}}'
        ).encode()
        park(session, "q", body, "broken", event=event, attempts=6, event_id=event_id)
    assert desk.progress(run_id)["status"] == "failed"
    with Session(desk.engine) as session, session.begin():
        replay(session, waiting(session, 1)[0].id, NOW)
    assert desk.progress(run_id)["status"] == "pending"
    desk.bill(first)
    assert (desk.progress(run_id)["status"], desk.progress(run_id)["estates_done"]) == ("running", 0)
    desk.bill(second)
    assert (desk.progress(run_id)["status"], desk.progress(run_id)["bills"]) == ("done", 3)


def test_b4_the_same_request_is_the_same_run(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    run_id = desk.start(estates=["E1"])
    assert desk.start(run_id=run_id, estates=["E1"]) == run_id
    assert len(desk.slices(run_id)) == 2
    with pytest.raises(Conflict):
        desk.start("2026-09", run_id=run_id, estates=["E1"])
    with pytest.raises(Conflict):
        desk.start(run_id=run_id, estates=["E1"], dry_run=True)


def test_b4_a_dry_run_writes_nothing_and_counts_all(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    dry = desk.run(dry_run=True)
    assert (dry["status"], dry["dry_run"], dry["bills"], dry["amount_fen"]) == ("done", True, 3, 48_723)
    for table in ("bill", "ledger_entry", "rate_rollup"):
        assert desk.one(f"SELECT count(*) FROM {table}") == 0
    assert issued(desk) == []
    wet = desk.run()
    assert (wet["bills"], wet["amount_fen"]) == (dry["bills"], dry["amount_fen"])


def test_b4_a_dry_run_names_what_is_odd(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.run("2026-09")
    changed = (HOMES[0].replace("87.33", "120.00"), HOMES[1].replace("100.00", "0"))
    new = (
        "E1,2,202,40,residential,occupied,H3,a,13800000000",
        "E1,2,P1,12,parking,occupied,H3,a,13800000000",
    )
    desk.load("units", UNITS, *changed, *new)
    dry = desk.run(dry_run=True)
    found = {(a["unit"], a["fee_item"], a["kind"]) for a in dry["anomalies"]}
    assert found == {
        ("E1/101", "property_fee", "amount_changed"),
        ("E1/102", "property_fee", "zero_area"),
        ("E1/202", "property_fee", "never_billed"),
        ("E1/P1", None, "missing_tariff"),
    }
    assert (dry["bills"], dry["anomalies_total"]) == (3, 4)
    again = desk.run("2026-09", dry_run=True)
    assert (again["bills"], {a["kind"] for a in again["anomalies"]} & {"already_billed"}) == (1, {"already_billed"})


def test_b4_opening_balances_do_not_make_of_everybody_else_somebody_never_billed(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.load("opening_balances", OPENING, "E1,101,property_fee,2026-08,100.00,2026-09-15,")
    first = desk.run("2026-09", dry_run=True)
    assert "never_billed" not in {a["kind"] for a in first["anomalies"]}
    desk.run("2026-09")
    desk.load("units", UNITS, "E1,2,202,40,residential,occupied,H3,a,13800000000")
    second = desk.run(dry_run=True)
    assert [a["unit"] for a in second["anomalies"] if a["kind"] == "never_billed"] == ["E1/202"]


def test_b4_anomalies_are_bounded_but_all_counted(desk: Desk) -> None:
    desk.settings = Settings(slice_anomalies=3)
    parked = [f"E1,1,P{n},12,parking,occupied,H1,a,13800000000" for n in range(10)]
    desk.estate("E1", "E1,1,101,50,residential,occupied,H1,a,13800000000", *parked)
    done = desk.run()
    assert (len(done["anomalies"]), done["anomalies_total"], done["bills"]) == (3, 10, 1)


def test_b4_an_estate_without_published_tariff_is_an_anomaly_not_a_failure(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.load(
        "estates", "estate_code,name,region,city,property_type,service_grade,charging_mode", "E2,b,r,c,p,g,酬金制"
    )
    desk.load("tariffs", TARIFFS, "E2,property_fee,per_area,residential,1.5,2020-01-01,")
    done = desk.run()
    assert (done["status"], done["estates_total"], done["estates_done"], done["bills"]) == ("done", 2, 2, 3)
    assert [(a["estate"], a["unit"], a["kind"]) for a in done["anomalies"]] == [
        ("E2", None, "no_published_tariff"),
        ("E2", None, "unpublished_tariff"),
    ]


def test_b4_metered_fees_are_told_not_silently_left_out(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.load("tariffs", TARIFFS, "E1,water,metered,residential,3.15,2020-01-01,")
    desk.publish("E1")
    found = {(a["unit"], a["fee_item"], a["kind"]) for a in desk.run()["anomalies"]}
    assert found == {(f"E1/{code}", "water", "missing_reading") for code in ("101", "102", "201")}


def test_b4_only_the_fee_items_and_estates_asked_for_are_billed(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.estate("E2", "E2,1,101,10,residential,occupied,H9,a,13800000000")
    desk.load("tariffs", TARIFFS, "E1,lift,fixed,residential,12.00,2020-01-01,")
    desk.publish("E1")
    done = desk.run(estates=["E1"], fee_items=["lift"])
    assert (done["estates_total"], done["bills"], done["amount_fen"]) == (1, 3, 2 * 1_200 + 1_200)
    assert desk.run()["bills"] == 4


def test_b4_a_run_is_limited_to_the_callers_estates(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.estate("E2", "E2,1,101,10,residential,occupied,H9,a,13800000000")
    own = desk.start(caller=manager("E2"))
    assert desk.progress(own, manager("E2"))["estates_total"] == 1
    with pytest.raises(Forbidden):
        desk.progress(own, manager("E1"))
    with pytest.raises(Forbidden):
        desk.start(caller=manager("E2"), estates=["E1"])
    with pytest.raises(Forbidden):
        desk.start(caller=manager("E2", role="steward"))


@pytest.mark.parametrize(
    "asked",
    [
        {"period": "2026-13"},
        {"period": "2027-01"},
        {"period": "0001-01"},
        {"estates": ["E7"]},
        {"estates": []},
        {"fee_items": []},
        {"fee_items": ["property_fee", "propertyfee"]},
    ],
)
def test_b4_bad_requests_are_refused(desk: Desk, asked: dict[str, object]) -> None:
    desk.estate("E1", *HOMES)
    with pytest.raises(Invalid):
        desk.start(**({"period": "2026-10"} | asked))  # type: ignore[arg-type]
    assert desk.one("SELECT count(*) FROM bill_run") == 0


def test_b4_next_month_may_be_billed(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    assert desk.run("2026-12")["bills"] == 3


def test_b4_an_unknown_run_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.progress(uuid4())


def test_b8_a_bill_is_never_booked_in_a_closed_month(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.write("""
        INSERT INTO ledger_close (estate_id, period, closed_at, closed_by, balances)
        SELECT id, DATE '2026-11-01', now(), 'finance-1', '{}' FROM estate""")
    desk.run()
    days = "SELECT DISTINCT b.issued_on, e.booked_on, r.booked_on FROM bill b, ledger_entry e, rate_rollup r"
    assert desk.rows(days) == [(date(2026, 12, 1),) * 3]


def test_b7_bill_balances_equal_the_receivable_account(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    give_credit(desk, "H1", 25_000)
    for period in ("2026-09", "2026-10"):
        desk.run(period)
    receivable = desk.one(
        "SELECT (sum(amount_fen) FILTER (WHERE debit_account = 'receivable')"
        " - sum(amount_fen) FILTER (WHERE credit_account = 'receivable'))::int FROM ledger_entry"
    )
    assert desk.one("SELECT sum(amount_fen - paid_fen - waived_fen)::int FROM bill") == receivable
    assert desk.one("SELECT (sum(billed_fen) - sum(collected_fen))::int FROM rate_rollup") == receivable


def test_b7_the_ledger_is_append_only(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.run()
    for statement in ("UPDATE ledger_entry SET amount_fen = 1", "DELETE FROM ledger_entry", "TRUNCATE ledger_entry"):
        with pytest.raises(DBAPIError, match="append-only"):
            desk.write(statement)


def test_b3_an_estate_may_have_a_due_date_policy_of_its_own(desk: Desk) -> None:
    desk.estate("E1", *HOMES)
    desk.write(
        "INSERT INTO billing_policy SELECT id, 'monthly', 'advance', 31, 0, false, 0 FROM estate WHERE code = 'E1'"
    )
    desk.run()
    assert {row[0] for row in desk.rows("SELECT due_date FROM bill")} == {date(2026, 10, 31)}


def test_b3_an_unsold_flat_is_the_developers_at_the_full_price(desk: Desk) -> None:
    desk.estate("E1", "E1,1,101,100.00,residential,unsold,DEV,开发商,10000000000", HOMES[1])
    assert desk.run()["amount_fen"] == 23_500 + 16_450


def test_a1_a_month_in_which_a_flat_changed_hands_is_cut_by_day(desk: Desk) -> None:
    desk.estate(
        "E1",
        "E1,1,101,87.33,residential,occupied,H1,王,10000000001",
        "E1,1,102,87.33,residential,occupied,H2,李,10000000002",
    )
    desk.write("""
        INSERT INTO unit_payer (unit_id, household_id, role, from_date, to_date)
        SELECT u.id, h.id, 'owner', d.first, d.last FROM unit u, household h,
          (VALUES ('H2', DATE '1990-01-01', DATE '2026-10-10'), ('H1', DATE '2026-10-11', NULL)) d(code, first, last)
        WHERE u.code = '101' AND h.code = d.code""")
    assert desk.run()["bills"] == 3
    billed = desk.rows("SELECT h.code, u.code, amount_fen FROM bill b JOIN household h ON h.id = b.household_id"
                       " JOIN unit u ON u.id = b.unit_id ORDER BY 2, 1")  # fmt: skip
    assert billed == [("H1", "101", 13903), ("H2", "101", 6620), ("H2", "102", 20523)]
    assert desk.run()["bills"] == 0
