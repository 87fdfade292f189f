"""Acts of an office that move money: payments of all kinds, twice and late, and credit."""

from datetime import date, timedelta

from services.billing.receivables.allocation.handlers import allocate_payment
from services.common.contracts.events import PaymentSettled
from tests.support.billing.books import settled
from tests.support.billing.office.office import Office

OWED = """SELECT COALESCE(sum(amount_fen - paid_fen - waived_fen), 0)::bigint AS fen FROM bill b
JOIN household h ON h.id = b.household_id WHERE h.code = :code AND voided_at IS NULL"""

ASKED = "SELECT id FROM credit_refund WHERE status = 'requested' ORDER BY requested_at, id LIMIT 1"


def pay_today(office: Office) -> None:
    """Money comes, and is told of at once."""
    _pay(office, office.today)


def pay_back(office: Office) -> None:
    """Money that came some days ago, before others perhaps, is heard of today."""
    _pay(office, office.today - timedelta(days=office.chance.choice([1, 5, 20, 45, 90])))


def pay_again(office: Office) -> None:
    """The same payment is told of once more."""
    if office.told:
        _deliver(office, office.chance.choice(office.told))


def _pay(office: Office, on: date) -> None:
    household = office.home()
    owed = int(office.rows(OWED, code=household)[0].fen)
    amounts = [1, 50, owed // 3, owed, owed + 7, owed * 3 // 2, 20523, 5000]
    fen = max(1, office.chance.choice(amounts))
    named = office.chance.choice([None, office.some_bills(household), office.some_bills(None, 3)])
    office.told.append(settled(fen, on.isoformat(), household, bills=named))
    _deliver(office, office.told[-1])
    office.paid += fen


def _deliver(office: Office, event: PaymentSettled) -> None:
    with office.transaction() as session:
        allocate_payment(session, event, office.now)


def refund(office: Office) -> None:
    """Prepaid balance is asked back, or more than there is; a second person mostly hands it out at once."""
    household = office.home()
    [row] = office.rows("SELECT credit_fen - reserved_fen AS fen FROM household WHERE code = :code", code=household)
    with office.relief() as relief:
        relief.ask_refund(max(1, office.chance.choice([row.fen, row.fen // 2, row.fen + 1])), household)
    if office.chance.random() < 0.5:
        hand_out(office)


def hand_out(office: Office) -> None:
    """A refund that was asked for is approved by somebody else."""
    for row in office.rows(ASKED):
        with office.relief() as relief:
            relief.approve_refund(row.id)


def refuse_refund(office: Office) -> None:
    """A refund that was asked for is rejected, or taken back by who asked."""
    for row in office.rows(ASKED):
        with office.relief() as relief:
            (relief.withdraw_refund if office.chance.random() < 0.5 else relief.reject_refund)(row.id)


def apply(office: Office) -> None:
    """Prepaid balance goes to bills by hand."""
    household = office.home()
    with office.relief() as relief:
        relief.apply(household, *office.some_bills(household))
