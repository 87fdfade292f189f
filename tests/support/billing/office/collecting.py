"""Acts of an office that collect: sweeps, talks with promises, complaints that hold, disputes; totals folded beside."""

from datetime import timedelta
from uuid import uuid4

from services.billing.collections.dunning import handlers as sweeps
from services.billing.collections.dunning.cases import handlers as cases
from services.billing.collections.dunning.cases.handlers import ContactNote
from services.billing.collections.dunning.handlers import SweepRequest
from services.billing.collections.dunning.treatment import disputes
from services.billing.collections.dunning.treatment.disputes import Settlement
from services.billing.figures.rates import totals
from services.billing.holds import handlers as holds
from tests.support.billing.books import SYSTEM
from tests.support.billing.office.office import Office

SLICES = "SELECT id FROM dunning_sweep_slice WHERE finished_at IS NULL ORDER BY id"


def sweep(office: Office) -> None:
    """The ladder is gone through, as every morning."""
    with office.transaction() as session:
        sweeps.start_sweep(session, SYSTEM, uuid4(), SweepRequest(office.today), office.now)
    for row in office.rows(SLICES):
        with office.transaction() as session:
            sweeps.sweep_slice(session, row.id, office.now)


def promise(office: Office) -> None:
    """Somebody promises to pay."""
    day = office.today + timedelta(days=office.chance.choice([3, 15]))
    note = ContactNote("phone", "next week", outcome="promised", promised_on=day)
    with office.transaction() as session:
        cases.add_contact(session, SYSTEM, office.home(), uuid4(), note, office.now)


def complain(office: Office) -> None:
    """A complaint holds dunning from now on."""
    with office.transaction() as session:
        holds.hold(session, "complaint", uuid4(), office.home(), office.now, holds_dunning=True)


def dispute(office: Office) -> None:
    """A bill is disputed, or its dispute is settled."""
    for bill_id in office.some_bills(office.home(), 1, "b.voided_at IS NULL"):
        with office.transaction() as session:
            if office.chance.random() < 0.5:
                disputes.dispute_bill(session, SYSTEM, bill_id, uuid4(), "wrong area", office.now)
            else:
                disputes.settle_dispute(session, SYSTEM, bill_id, uuid4(), Settlement("rejected", "right"), office.now)


def fold(office: Office) -> None:
    """Changes of figures move into their totals."""
    with office.transaction() as session:
        totals.fold(session, office.chance.choice([3, 1000]))
