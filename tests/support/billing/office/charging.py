"""Acts of an office that make bills and take them back: runs, one-offs, voids, reissues, debts brought in later."""

from datetime import date, timedelta
from uuid import uuid4

from services.billing.charging.charges import handlers as charges
from services.billing.charging.charges.handlers import ChargeRequest
from tests.support.billing.desk import OPENING
from tests.support.billing.office.office import FLATS, HOMES, Office
from tests.support.billing.relief import FINANCE


def bill(office: Office) -> None:
    """A run of one of the last months, however late."""
    months = [date(2026, month, 1) for month in range(1, 13) if date(2026, month, 1) <= office.today]
    office.desk().run(f"{office.chance.choice(months[-4:]):%Y-%m}")


def charge(office: Office) -> None:
    """A service, once."""
    request = ChargeRequest("lock", office.chance.choice([1, 3333]), "更换门锁", office.home())
    with office.transaction() as session:
        charges.create_charge(session, FINANCE, uuid4(), request, office.now)


def void(office: Office) -> None:
    """A bill was wrong, for good or to be made anew."""
    bills = office.some_bills(None, 1)
    with office.relief() as relief:
        relief.void(bills[0], reissue=office.chance.random() < 0.4)


def decide_void(office: Office) -> None:
    """A void that moves much waits for a second person, who allows it or does not."""
    for row in office.rows("SELECT id FROM void_request WHERE status = 'requested' ORDER BY id LIMIT 1"):
        with office.relief() as relief:
            (relief.reject_void if office.chance.random() < 0.3 else relief.approve_void)(row.id)


def reissue(office: Office) -> None:
    """A bill that was voided is made anew."""
    for bill_id in office.some_bills(None, 1, "b.voided_at IS NOT NULL"):
        with office.relief() as relief:
            relief.reissue(bill_id)


def debt(office: Office) -> None:
    """An old debt is found and brought in by file, in part paid perhaps; a second time it is the same debt."""
    home = office.home()
    month = office.today.replace(day=1) - timedelta(days=office.chance.choice([40, 200, 400]))
    paid = office.chance.choice(["", "10.00", "75.50"])
    row = f"{HOMES[home]},{FLATS[home]},old,{month:%Y-%m},75.50,{month + timedelta(days=45)},{paid}"
    office.desk().load("opening_balances", OPENING, row)
