"""Units of a meter are billed once, whatever a reading is corrected to and in whatever order months are billed (B1)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.settings import Settings
from services.common.contracts.answers.imports import ImportResult
from services.common.contracts.errors import Conflict
from tests.support.billing.books import Books
from tests.support.billing.desk import ESTATES, UNITS, Desk
from tests.support.billing.pricing import assert_explained
from tests.support.billing.relief import Relief

READINGS = "estate_code,unit_code,meter,read_on,reading"
TARIFFS = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from"


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    """A flat with water at 2.00 that showed 100 at the end of September; October is billed up to 110."""
    made = Desk(database("billing"), Settings(), now=datetime(2026, 11, 28, 4, tzinfo=UTC))
    made.load("estates", ESTATES, "E1,翠苑,华东,杭州,residential,A,lump_sum,")
    made.load("units", UNITS, "E1,1,U1,100,residential,occupied,H1,王,13800000001")
    made.load("tariffs", TARIFFS, "E1,water,metered,residential,2.00,2020-01-01")
    made.publish("E1")
    read(made, "2026-09-30", 100)
    read(made, "2026-10-31", 110)
    made.run("2026-10")
    return made


def read(desk: Desk, day: str, value: float, meter: str = "water") -> ImportResult:
    return desk.load("meter_readings", READINGS, f"E1,U1,{meter},{day},{value}")


def standing(desk: Desk) -> list[tuple[str, int]]:
    """Month and fen of the bills that stand."""
    query = "SELECT to_char(period, 'MM'), amount_fen FROM bill WHERE voided_at IS NULL ORDER BY period"
    return [(str(month), fen) for month, fen in desk.rows(query)]


def bill_again(desk: Desk, period: str) -> None:
    query = text("SELECT id FROM bill WHERE period = :month AND voided_at IS NULL")
    with Session(desk.engine) as session, session.begin():
        bill_id = session.scalars(query, {"month": f"{period}-01"}).one()
        Relief(Books(session), desk.now).void(bill_id, reissue=True)


@pytest.mark.parametrize("corrected", [120, 105, 110, 125, 100])
def test_fm5_a_reissue_after_a_correction_meets_the_bill_that_followed(desk: Desk, corrected: int) -> None:
    read(desk, "2026-10-31", corrected)
    read(desk, "2026-11-28", 125)
    desk.run("2026-11")
    bill_again(desk, "2026-10")
    assert standing(desk) == [("10", 2000), ("11", 3000)]
    assert_explained(desk)


@pytest.mark.parametrize(("corrected", "october"), [(120, 4000), (105, 1000)])
def test_fm5_a_reissue_before_the_next_run_bills_what_was_read(desk: Desk, corrected: int, october: int) -> None:
    read(desk, "2026-10-31", corrected)
    bill_again(desk, "2026-10")
    read(desk, "2026-11-28", 125)
    desk.run("2026-11")
    assert standing(desk) == [("10", october), ("11", 5000 - october)]


def test_fm5_corrected_twice_and_billed_again_twice(desk: Desk) -> None:
    for corrected in (120, 118):
        read(desk, "2026-10-31", corrected)
        bill_again(desk, "2026-10")
    read(desk, "2026-11-28", 125)
    desk.run("2026-11")
    read(desk, "2026-10-31", 103)
    for period in ("2026-11", "2026-10", "2026-11"):
        bill_again(desk, period)
    assert sum(fen for _, fen in standing(desk)) == 5000
    assert_explained(desk)


def test_fm5_a_file_that_changes_a_billed_reading_says_so(desk: Desk) -> None:
    assert read(desk, "2026-10-31", 110)["warnings"] == []
    assert read(desk, "2026-10-20", 104)["warnings"] == []
    told = read(desk, "2026-10-31", 120)
    assert (told["updated"], told["warnings"]) == (
        1,
        [
            {
                "line": 2,
                "column": "reading",
                "msg": "the bill of 2026-10 was made from 110: it stands, the next run settles the difference",
            }
        ],
    )
    assert read(desk, "2026-10-31", 120)["warnings"] == []
    assert read(desk, "2026-10-31", 110)["warnings"] == []
    [first] = read(desk, "2026-09-30", 95)["warnings"]
    assert first["msg"] == "the bill of 2026-10 begins with 100: it stands, void and reissue it to bill the difference"


def test_fm5_a_void_bill_was_made_from_nothing(desk: Desk) -> None:
    with Session(desk.engine) as session, session.begin():
        Relief(Books(session), desk.now).void(desk.one("SELECT id FROM bill"))
    assert read(desk, "2026-10-31", 120)["warnings"] == []
    read(desk, "2026-11-28", 125)
    desk.run("2026-11")
    assert standing(desk) == [("11", 1000)]
    with Session(desk.engine) as session, session.begin():
        Relief(Books(session), desk.now).reissue(desk.one("SELECT min(id) FROM bill"))
    assert standing(desk) == [("10", 4000), ("11", 1000)]


def test_fm5_what_a_later_bill_has_caught_up_is_not_billed_again(desk: Desk) -> None:
    read(desk, "2026-11-28", 125)
    desk.run("2026-11")
    with Session(desk.engine) as session, session.begin():
        Relief(Books(session), desk.now).void(desk.one("SELECT max(id) FROM bill"))
    desk.now = datetime(2026, 12, 31, 4, tzinfo=UTC)
    read(desk, "2026-12-31", 130)
    desk.run("2026-12")
    read(desk, "2026-11-28", 127)
    with Session(desk.engine) as session, pytest.raises(Conflict, match="anything to pay"):
        Relief(Books(session), desk.now).reissue(desk.one("SELECT id FROM bill WHERE voided_at IS NOT NULL"))
    assert standing(desk) == [("10", 2000), ("12", 4000)]


def test_fm5_what_was_billed_ahead_is_settled_when_the_meter_has_passed_it(desk: Desk) -> None:
    """Corrected to 102: eight units are billed too many, and November's three are among them."""
    read(desk, "2026-10-31", 102)
    read(desk, "2026-11-10", 105)
    told = desk.run("2026-11", dry_run=True)
    assert [(found["kind"], found["detail"]) for found in told["anomalies"]] == [
        ("billed_ahead", "meter water was billed up to 110, it shows 105 on 2026-11-10")
    ]
    desk.run("2026-11")
    desk.now = datetime(2026, 12, 31, 4, tzinfo=UTC)
    read(desk, "2026-12-31", 112)
    desk.run("2026-12")
    assert standing(desk) == [("10", 2000), ("12", 400)]


def test_fm5_a_meter_that_was_replaced_after_it_turned_over(desk: Desk) -> None:
    """The old one ends where it turned over, the new name begins at nought; both are corrected afterwards."""
    read(desk, "2026-11-10", 115)
    read(desk, "2026-11-10", 0, "water-2")
    read(desk, "2026-11-28", 8, "water-2")
    desk.run("2026-11")
    assert standing(desk) == [("10", 2000), ("11", 2600)]
    for meter, day, value in (("water", "2026-10-31", 112), ("water", "2026-11-10", 116), ("water-2", "2026-11-28", 9)):
        assert len(read(desk, day, value, meter)["warnings"]) == 1
    for period in ("2026-10", "2026-11", "2026-10"):
        bill_again(desk, period)
    assert sum(fen for _, fen in standing(desk)) == 2 * (16 + 9) * 100
    assert_explained(desk)
