"""Acts of an office that give way: waivers, instalment plans, points, closes."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from services.billing.receivables.books import handlers as books
from services.billing.receivables.incentives import redeeming
from services.billing.receivables.incentives.redeeming import Redemption
from services.billing.receivables.late_fee.rules import Instalment
from services.billing.receivables.plans import handlers as plans
from services.billing.receivables.plans import standing as keeping
from services.billing.receivables.plans.handlers import Offer
from services.billing.receivables.statement.handlers import statement
from tests.support.billing.books import SYSTEM
from tests.support.billing.office.office import Office
from tests.support.billing.relief import FINANCE, MANAGER

GIFT = """INSERT INTO point_entry (household_id, points, kind, source, booked_on)
SELECT id, 500, 'earned', :source, :on FROM household WHERE code = :code"""
LAST_CLOSED = "SELECT max(period) AS last FROM ledger_close JOIN estate ON id = estate_id WHERE code = :code"


def ask(office: Office) -> None:
    """Somebody asks for a waiver, and mostly hears an answer."""
    sizes: list[dict[str, Any]] = [
        {"ratio": "0.3333"}, {"ratio": "1"}, {"ratio": "1"}, {"fen": 100}, {"fen": 10_000_000}
    ]  # fmt: skip
    request = {"kind": office.chance.choice(["late_fee", "principal"])} | office.chance.choice(sizes)
    bills = office.some_bills(office.home(), 2, "voided_at IS NULL AND amount_fen > paid_fen")
    with office.relief() as relief:
        relief.ask(*bills, **request)
    if office.chance.random() < 0.7:
        decide(office)


def decide(office: Office) -> None:
    """A waiver that waits is granted or not."""
    waits = office.rows("SELECT id FROM waiver WHERE status = 'pending' ORDER BY id")
    if waits:
        waiver: UUID = office.chance.choice(waits).id
        with office.relief() as relief:
            if office.chance.random() < 0.2:
                relief.reject(waiver)
            else:
                relief.approve(waiver, office.chance.choice([MANAGER, FINANCE]), "resolution 7")


def sign(office: Office) -> None:
    """A household signs an instalment plan, today or ten days ago."""
    household = office.home()
    bills = office.some_bills(household, 3, "b.voided_at IS NULL AND amount_fen > paid_fen + waived_fen")
    signed = office.today - timedelta(days=office.chance.choice([0, 0, 0, 10]))
    with office.transaction() as session:
        plans.sign_plan(session, FINANCE, uuid4(), _offer(office, session, household, bills, signed), office.now)


def _offer(office: Office, session: Session, household: str, bills: list[int], signed: date) -> Offer:
    lines = statement(session, SYSTEM, household, signed)["bills"]
    owed = sum(line["outstanding_fen"] for line in lines if line["id"] in bills)
    parts, gap = office.chance.randint(1, 3), office.chance.choice([5, 20])
    fens = [owed // parts] * (parts - 1) + [owed - owed // parts * (parts - 1)]
    days = [signed + timedelta(days=gap * (n + 1)) for n in range(parts)]
    return Offer(household, frozenset(bills), signed, tuple(map(Instalment, days, fens)))


def cancel(office: Office) -> None:
    """A plan that is performed is cancelled."""
    for row in office.rows("SELECT id FROM instalment_plan WHERE status = 'performing' ORDER BY created_at LIMIT 1"):
        with office.transaction() as session:
            plans.cancel_plan(session, FINANCE, row.id, "asked for", office.now)


def tell(office: Office) -> None:
    """Plans are looked at again as days go by."""
    with Session(office.engine) as session:
        households = keeping.households_to_tell(session, office.today)
    for household in households:
        with office.transaction() as session:
            keeping.reckon_household(session, household, office.now)


def redeem(office: Office) -> None:
    """Points become a discount."""
    household = office.home()
    office.desk().write(GIFT, source=str(uuid4()), on=office.today, code=household)
    for bill_id in office.some_bills(household, 1):
        request = Redemption(points=office.chance.choice([1, 400]), bill_id=bill_id)
        with office.transaction() as session:
            redeeming.redeem(session, FINANCE, household, uuid4(), request, office.now)


def close(office: Office) -> None:
    """The next month is closed, if it is long over."""
    estate = office.chance.choice(["E1", "E2"])
    last = office.rows(LAST_CLOSED, code=estate)[0].last or date(2025, 8, 1)
    following = (last + timedelta(days=31)).replace(day=1)
    if following <= office.today - timedelta(days=80):
        with office.transaction() as session:
            books.close_month(session, FINANCE, estate, f"{following:%Y-%m}", office.now)
