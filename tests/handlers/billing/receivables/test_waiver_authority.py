"""C2: the authority matrix as shipped, on an installation from before, and as a group sets it; four eyes."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.receivables.waivers.handlers import approve_waiver
from services.common.contracts.errors import Forbidden
from tests.support.billing.books import Books
from tests.support.billing.relief import FINANCE, MANAGER, STEWARD, Relief, who

MIGRATION = import_module("services.billing.migrations.versions.20261129_0018_four_eyes_shipped")
RULE = (5_000, set(), False, False)
MANAGERS = {"estate_manager", "region_manager"}
OFFICE = {"finance", "group_admin"}
SHIPPED = {
    "late_fee": [RULE, (100_000, MANAGERS, False, True), (None, MANAGERS | OFFICE, True, True)],
    "principal": [(50_000, MANAGERS, False, True), (None, MANAGERS | OFFICE, True, True)],
}
BEFORE = """
UPDATE waiver_authority SET four_eyes = false, roles = array_remove(roles, 'region_manager') WHERE estate_id = 0
"""
Bands = list[tuple[int | None, set[str], bool, bool]]


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.fixture
def relief(books: Books) -> Relief:
    books.household()
    return Relief(books)


def matrix(session: Session, estate_id: int = 0) -> dict[str, Bands]:
    query = "SELECT * FROM waiver_authority WHERE estate_id = :estate_id ORDER BY kind, position"
    found: dict[str, Bands] = {}
    for row in session.execute(text(query), {"estate_id": estate_id}):
        band = (row.up_to_fen, set(row.roles), row.needs_resolution, row.four_eyes)
        found.setdefault(row.kind, []).append(band)
    return found


def installed_before(session: Session, change: str = "SELECT 1") -> dict[str, Bands]:
    """The matrix of an installation from before the migration, changed by its group in this way."""
    session.execute(text(BEFORE))
    session.execute(text(change))
    return matrix(session)


def upgrade(session: Session) -> dict[str, Bands]:
    session.execute(text(MIGRATION.SHIPPED))
    return matrix(session)


def test_c2_as_shipped_four_eyes_look_above_the_rule(session: Session) -> None:
    assert matrix(session) == SHIPPED


def test_c2_an_installation_that_never_changed_the_matrix_gets_four_eyes(session: Session) -> None:
    assert installed_before(session) != SHIPPED
    assert upgrade(session) == SHIPPED
    assert upgrade(session) == SHIPPED, "again changes nothing"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE waiver_authority SET up_to_fen = 60000 WHERE kind = 'principal' AND position = 1",
        "UPDATE waiver_authority SET up_to_ratio = 0.5 WHERE kind = 'principal' AND position = 1",
        "UPDATE waiver_authority SET roles = '{finance}' WHERE kind = 'principal' AND position = 2",
        "UPDATE waiver_authority SET needs_resolution = false WHERE kind = 'principal' AND position = 2",
        "UPDATE waiver_authority SET four_eyes = true WHERE kind = 'principal' AND position = 1",
        "DELETE FROM waiver_authority WHERE kind = 'principal' AND position = 2",
        "INSERT INTO waiver_authority VALUES (0, 'principal', 3, NULL, NULL, '{finance}', true, false)",
    ],
)
def test_c2_a_kind_the_group_has_changed_stays_as_it_is(session: Session, change: str) -> None:
    before = installed_before(session, change)
    assert upgrade(session) == {"late_fee": SHIPPED["late_fee"], "principal": before["principal"]}


def test_c2_an_estates_own_matrix_stays_as_it_is(books: Books) -> None:
    books.household()
    own = f"""INSERT INTO waiver_authority SELECT {books.estates["E1"]}, kind, position, up_to_fen, up_to_ratio, roles,
        needs_resolution, four_eyes FROM waiver_authority WHERE estate_id = 0"""
    before = installed_before(books.session, own)
    assert upgrade(books.session) == SHIPPED
    assert matrix(books.session, books.estates["E1"]) == before


@pytest.mark.parametrize("role", ["estate_manager", "region_manager", "finance", "group_admin"])
@pytest.mark.parametrize("kind", ["late_fee", "principal"])
def test_c2_nobody_grants_his_own_request(relief: Relief, kind: Any, role: str) -> None:
    """Neither a middling nor a large one, with a resolution or without; somebody else of the same role may."""
    one, other = who(role, "one", "E1"), who(role, "other", "E1")
    bill = relief.books.bill(100_000_000, "2025-03-15")
    for fen in (40_000, 1_000_000):
        asked = relief.ask(bill, kind=kind, fen=fen, by=one)
        assert asked["needs"]["four_eyes"]
        with pytest.raises(Forbidden, match="four eyes"):
            relief.approve(asked["id"], one, "决议 2025-07")
        assert relief.approve(asked["id"], other, "决议 2025-07")["status"] == "approved"


def test_c2_what_goes_by_rule_needs_nobody(relief: Relief) -> None:
    bill = relief.books.bill(1_000_000, "2025-03-15")
    assert relief.ask(bill, fen=5_000, by=MANAGER)["status"] == "approved"
    assert relief.ask(bill, fen=1, by=MANAGER)["status"] == "pending"


def test_c2_a_group_may_do_without(relief: Relief) -> None:
    relief.books.session.execute(text("UPDATE waiver_authority SET four_eyes = false"))
    bill = relief.books.bill(1_000_000, "2025-03-15")
    asked = relief.ask(bill, fen=6_000, by=MANAGER)
    assert not asked["needs"]["four_eyes"]
    assert relief.approve(asked["id"], MANAGER)["status"] == "approved"


def test_c2_the_matrix_says_how_far_a_role_goes(relief: Relief) -> None:
    """Who may grant waivers at all is of the table of permissions; how much is of the matrix."""
    relief.books.session.execute(text("UPDATE waiver_authority SET roles = '{finance}' WHERE roles <> '{}'"))
    asked = relief.ask(relief.books.bill(1_000_000, "2025-03-15"), fen=6_000)
    with pytest.raises(Forbidden, match="granted by finance"):
        relief.approve(asked["id"], MANAGER)
    with pytest.raises(Forbidden, match="approve_waiver"):
        approve_waiver(relief.books.session, STEWARD, asked["id"], None, None, relief.now)
    assert relief.approve(asked["id"], FINANCE)["status"] == "approved"
