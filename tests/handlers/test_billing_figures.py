"""J1: the same rate from the API, from the metric and from the ledger, to the fen; scope; dashboards."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.figures.rates import handlers
from services.billing.figures.rates.handlers import RateCut
from services.billing.figures.rates.metrics import Reading, figure_families, imbalance_family
from services.billing.figures.rates.rules import BUCKET_LABELS
from services.billing.holds import handlers as holds
from services.common.access import Caller
from services.common.contracts.errors import Forbidden, Invalid, NotFound
from tests.support.books import SYSTEM, TODAY, Books

# principal by due month, from the ledger alone: no rollup, no paid_fen
FROM_LEDGER = """
SELECT e.code,
  sum(l.amount_fen) FILTER (WHERE l.debit_account = 'receivable' AND l.credit_account = 'fee_income') AS billed,
  COALESCE(sum(CASE WHEN l.credit_account = 'receivable' THEN l.amount_fen
                    WHEN l.credit_account LIKE 'cash%' THEN -l.amount_fen END)
           FILTER (WHERE l.booked_on <= :as_of), 0) AS collected
FROM ledger_entry l JOIN bill b ON b.id = l.bill_id JOIN estate e ON e.id = b.estate_id
WHERE 'receivable' IN (l.debit_account, l.credit_account) AND b.due_date BETWEEN :since AND :until
GROUP BY e.code ORDER BY e.code
"""


@pytest.fixture
def books(database: Callable[[str], Engine]) -> Iterator[Books]:
    with Session(database("billing")) as session:
        books = Books(session)
        books.household("H1", building="1")
        books.household("H2", building="2")
        books.estate("E2", region="North")
        books.household("H3", "E2", building="1")
        books.steward("S1", "1")
        yield books


def year(books: Books) -> None:
    """Bills of some months, paid late, in part, too much, out of order."""
    for month in ("08", "09", "10", "11"):
        for household, fen in (("H1", 10000), ("H2", 20001), ("H3", 30007)):
            books.bill(fen, f"2026-{month}-15", household, issued=f"2026-{month}-01")
            books.bill(1111, f"2026-{month}-15", household, fee_item="parking", issued=f"2026-{month}-01")
    books.pay(25000, "2026-09-20", "H1")
    books.pay(11111, "2026-08-10", "H1")
    books.pay(50000, "2026-11-05", "H2")
    books.pay(500000, "2026-11-20", "H3")


def rates(books: Books, as_of: date = TODAY, caller: Caller = SYSTEM, **cut: Any) -> dict[Any, dict[str, Any]]:
    found = handlers.collection_rates(books.session, caller, RateCut(**cut), as_of)
    return {item["key"]: item for item in found["items"]}


def gauges(books: Books, name: str) -> dict[tuple[str, ...], float]:
    families = {family.name: family for family in figure_families(books.session, TODAY)}
    return {tuple(sample.labels.values()): sample.value for sample in families[name].samples}


def test_j1_api_metric_and_ledger_agree_to_the_fen(books: Books) -> None:
    year(books)
    november = {"as_of": TODAY, "since": date(2026, 11, 1), "until": date(2026, 11, 30)}
    everything = november | {"since": date(2000, 1, 1), "until": TODAY}
    metric = gauges(books, "estateloop_collection_rate_ratio")
    for window, cut, span in (("current", {"due_in": "2026-11"}, november), ("cumulative", {}, everything)):
        api = rates(books, **cut)
        ledger = books.session.execute(text(FROM_LEDGER), span).all()
        assert [(row.code, row.billed, row.collected) for row in ledger] == [
            (key, item["billed_fen"], item["collected_fen"]) for key, item in api.items()
        ]
        assert {key: item["rate"] for key, item in api.items()} == {
            row.code: metric[row.code, window] for row in ledger
        }


def test_j1_recovery_is_what_came_in_this_month_of_what_was_open_before(books: Books) -> None:
    books.bill(10000, "2026-09-15")
    books.bill(20000, "2026-10-15")
    books.bill(70000, "2026-11-15")
    books.pay(4000, "2026-10-20")
    books.pay(13000, "2026-11-10")
    # 26000 was open on 1 November; 13000 came in, its late fee stays outside
    late_fee = books.one(
        "SELECT sum(amount_fen) FROM ledger_entry WHERE booked_on > '2026-11-01' AND bill_id IS NOT NULL"
        " AND credit_account = 'late_fee_income'"
    )
    received = 13000 - int(late_fee)
    assert gauges(books, "estateloop_collection_rate_ratio")["E1", "recovery"] == received / 26000


def test_j1_an_estate_with_nothing_to_collect_has_no_rate(books: Books) -> None:
    books.bill(10000, "2026-11-15")
    assert {estate for estate, _ in gauges(books, "estateloop_collection_rate_ratio")} == {"E1"}
    assert rates(books, due_in="2026-10") == {}
    assert handlers.estate_figures(books.session, SYSTEM, "E2", TODAY)["rate"] is None


def test_j1_groupings_add_up(books: Books) -> None:
    year(books)
    group = rates(books, group_by="group")["group"]
    for grouping in ("region", "estate", "building", "steward", "fee_item"):
        items = handlers.collection_rates(books.session, SYSTEM, RateCut(group_by=grouping), TODAY)["items"]
        assert sum(item["billed_fen"] for item in items) == group["billed_fen"]
        assert sum(item["collected_fen"] for item in items) == group["collected_fen"]
    assert set(rates(books, group_by="region")) == {"North", "South"}
    assert set(rates(books, group_by="steward")) == {"S1", None}
    assert set(rates(books, group_by="fee_item")) == {"property_fee", "parking"}
    assert group["billed_count"] == 24


def test_j1_filters_and_periods(books: Books) -> None:
    year(books)
    assert rates(books, period="2026-10", estate="E1")["E1"]["billed_fen"] == 10000 + 20001 + 2222
    assert rates(books, due_in="2026-10", estate="E1") == {} | rates(books, period="2026-09", estate="E1")
    assert rates(books, group_by="building", estate="E1", building="2", fee_item="parking")["2"]["billed_fen"] == 4444
    assert rates(books, steward="S1")["E1"]["billed_fen"] == 4 * 11111
    assert rates(books, period="2030-01") == {}
    with pytest.raises(Invalid):
        rates(books, period="2026-1")
    with pytest.raises(Invalid):
        rates(books, period="2026-10", due_in="2026-10")


def test_j1_the_cut_off_is_for_receipts(books: Books) -> None:
    books.bill(10000, "2026-10-15")
    books.pay(2500, "2026-10-10")
    books.pay(2500, "2026-10-20")
    before = [rates(books, date(2026, 10, d), period="2026-09")["E1"]["rate"] for d in (9, 10, 19, 20)]
    assert before == [0.0, 0.25, 0.25, 0.5]


def test_j1_late_fee_and_overpayment_are_not_collected(books: Books) -> None:
    books.bill(10000, "2026-10-15")
    books.pay(99999, "2026-11-20")
    item = rates(books)["E1"]
    assert (item["collected_fen"], item["rate"]) == (10000, 1.0)


def test_j1_scope(books: Books) -> None:
    year(books)
    manager = Caller(sub="m", roles=frozenset({"estate_manager"}), estates=frozenset({"E2"}))
    assert set(rates(books, caller=manager)) == {"E2"}
    alone = rates(books, group_by="group", caller=manager)["group"]["billed_fen"]
    assert alone == rates(books, estate="E2")["E2"]["billed_fen"]
    assert handlers.group_figures(books.session, manager, TODAY)["households"] == 1
    with pytest.raises(Forbidden):
        rates(books, caller=manager, estate="E1")
    with pytest.raises(Forbidden):
        rates(books, caller=Caller(sub="o", roles=frozenset({"owner"}), household="H1"))
    with pytest.raises(Forbidden):
        handlers.estate_figures(books.session, manager, "E1", TODAY)
    with pytest.raises(NotFound):
        handlers.estate_figures(books.session, SYSTEM, "E9", TODAY)


def test_j1_dashboards(books: Books) -> None:
    for due in ("2025-01-15", "2026-10-15", "2026-11-15", "2026-12-15"):
        books.bill(10000, due)
    books.bill(100, "2026-11-15", "H3")
    one = handlers.estate_figures(books.session, SYSTEM, "E1", TODAY)
    assert one["receivable_by_bucket"] == {
        "not_due": 10000, "1-15": 10000, "16-30": 0, "31-60": 10000, "61-365": 0, "365+": 10000,
    }  # fmt: skip
    assert (one["receivable_fen"], one["overdue_fen"], one["households"], one["overdue_households"]) == (
        40000,
        30000,
        2,
        1,
    )
    assert (one["rate"], one["cumulative_billed_fen"], one["held_households"]) == (0.0, 30000, 0)
    group = handlers.group_figures(books.session, SYSTEM, TODAY)
    assert group["receivable_fen"] == 40100
    assert [line["estate"] for line in group["estates"]] == ["E1", "E2"]
    metric = gauges(books, "estateloop_receivable_fen")
    assert {bucket: fen for (estate, bucket), fen in metric.items() if estate == "E1"} == one["receivable_by_bucket"]


def test_d5_what_is_paid_off_is_zero_and_does_not_vanish(books: Books) -> None:
    books.bill(10000, "2026-11-15")
    assert gauges(books, "estateloop_receivable_fen")["E1", "1-15"] == 10000
    books.pay(20000, "2026-11-20")
    told = gauges(books, "estateloop_receivable_fen")
    assert told == {(estate, bucket): 0 for estate in ("E1", "E2") for bucket in BUCKET_LABELS}


def test_j1_empty_group(database: Callable[[str], Engine]) -> None:
    with Session(database("billing")) as session:
        assert handlers.collection_rates(session, SYSTEM, RateCut("group"), TODAY)["items"][0]["rate"] is None
        assert handlers.group_figures(session, SYSTEM, TODAY)["receivable_fen"] == 0
        assert [list(family.samples) for family in figure_families(session, TODAY)] == [[], []]


def test_j1_a_reading_is_kept_only_as_long_as_it_was_dear() -> None:
    values = iter(range(10))
    cheap: Reading[int] = Reading()
    assert [cheap.last(lambda: next(values)) for _ in range(2)] == [0, 0]
    dear: Reading[int] = Reading(at_least=1000)
    assert [dear.get(lambda: next(values)) for _ in range(2)] == [1, 1]
    assert [sample.value for sample in imbalance_family(7).samples] == [7]


def test_j1_a_question_without_an_answer_has_every_field_all_the_same(books: Books) -> None:
    empty = rates(books, group_by="group", windows=True, steward="nobody")["group"]
    year(books)
    assert empty.keys() == rates(books, group_by="group", windows=True)["group"].keys()
    assert (empty["billed_fen"], empty["current_rate"], empty["recovery_open_fen"]) == (0, None, 0)


def test_j1_a_building_between_two_stewards_is_nobodys(books: Books) -> None:
    books.bill(10000, "2026-10-15")
    books.session.execute(text("UPDATE stewardship SET to_date = '2026-09-30' WHERE staff_code = 'S1'"))
    books.steward("S2", "1", since=date(2026, 12, 1))
    on = {day: set(rates(books, day, group_by="steward", due_in="2026-10")) for day in
          (date(2019, 1, 1), date(2026, 9, 30), date(2026, 10, 1), date(2026, 11, 30), date(2026, 12, 1))}  # fmt: skip
    assert list(on.values()) == [{"S1"}, {"S1"}, {None}, {None}, {"S2"}]


def test_j1_a_promise_past_its_day_holds_nobody_neither_here_nor_in_the_sweep(books: Books) -> None:
    """`held_households` counts by the sweep's rule: a promised fix holds to its last day (D3)."""
    books.bill(10000, "2026-10-15")
    opened = datetime(2026, 11, 1, tzinfo=UTC)
    holds.hold(books.session, "problem", uuid4(), "H1", opened, holds_dunning=True, until=date(2026, 11, 19))
    for day, held in (("2026-11-19", 1), ("2026-11-20", 0)):
        found = handlers.estate_figures(books.session, SYSTEM, "E1", date.fromisoformat(day))
        with books.session.begin_nested() as trial:
            assert (found["held_households"], books.sweep(day)["held"]) == (held, held)
            trial.rollback()


@pytest.mark.parametrize("group_by", ["group", "building"])
def test_j1_any_day_and_month_of_the_calendar_may_be_asked_for(books: Books, group_by: Any) -> None:
    books.bill(10000, "2026-10-15")
    for as_of, billed in ((date.min, 0), (date(9999, 12, 1), 10000), (date.max, 10000)):
        [item] = rates(books, as_of, group_by=group_by, windows=True).values()
        assert (item["billed_fen"], item["cumulative_billed_fen"]) == (billed, billed)
    for window in ("period", "due_in"):
        assert rates(books, **{window: "2999-12"}, households=True) == {}
        with pytest.raises(Invalid):
            rates(books, **{window: "9999-12"})
