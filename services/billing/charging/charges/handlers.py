"""STORY of one-off services (B1): asked → a bill at once, posted, paid from the prepaid balance, told to others."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.bills.views.handlers import bill_view
from services.billing.charging.bills.views.tables import load_bill
from services.billing.charging.charges import tables
from services.billing.charging.charges.tables import Home
from services.billing.charging.tariffs.cycles import due_date
from services.billing.charging.tariffs.versions import load_policy
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.tables import Posting
from services.billing.tables import lock_estate
from services.common.contracts.answers.charges import Charge
from services.common.contracts.errors import Invalid, NotFound
from services.common.contracts.events import BillsIssued, IssuedBill
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar, business_date, format_period
from services.common.domain.permissions import Permission
from services.common.fields import LARGEST_FEN
from services.common.messaging import record
from services.common.observability.logs import get_logger
from services.common.once import same_request

MOST_AHEAD = timedelta(days=3_653)
log = get_logger(__name__)


@dataclass(frozen=True)
class ChargeRequest:
    """A one-off service; of a household, or of a unit (`estate/unit`) and whoever pays for it today."""

    fee_item: str
    amount_fen: int
    description: str
    household: str | None = None
    unit: str | None = None
    due_date: date | None = None

    def asked(self) -> dict[str, object]:
        """As it is kept, to tell a repeat from another request."""
        return asdict(self) | {"due_date": self.due_date and self.due_date.isoformat()}


def create_charge(session: Session, caller: Caller, charge_id: UUID, request: ChargeRequest, now: datetime) -> Charge:
    """Issue the bill of a one-off service; answers the bill with `charge_id`, `household` and `description` (B1).

    Posted receivable ← fee_income today, or on the first day that is open (B8); a prepaid balance pays at once (B6).
    The same id again answers the same; Conflict: it was used for another charge. Forbidden, NotFound, Invalid.
    """
    caller.require(Permission.CHARGE_SERVICE)
    home = _home(session, request)
    caller.require_estate(home.estate)
    lock_estate(session, home.estate_id)
    standing = tables.load_charge(session, charge_id)
    if standing is not None:
        same_request("charge", standing, {"asked": request.asked()})
        return _view(session, standing.bill_id, charge_id, standing.description)
    bill_id = _issue(session, home, charge_id, request, now)
    kept = {"id": charge_id, "bill_id": bill_id, "household_id": home.household_id, "unit_id": home.id}
    kept |= {"asked": request.asked(), "description": request.description}
    tables.insert_charge(session, kept | {"requested_by": caller.sub, "created_at": now})
    log.info("one-off service charged", extra={"estate": home.estate, "bill_id": bill_id, "by": caller.sub})
    return _view(session, bill_id, charge_id, request.description)


def _home(session: Session, request: ChargeRequest) -> Home:
    if (request.household is None) == (request.unit is None):
        raise Invalid("Name either a household or a unit.", [{"loc": "household", "msg": "this or unit"}])
    if request.unit is not None:
        estate, _, code = request.unit.partition("/")
        found = tables.unit_named(session, estate, code)
    else:
        found = tables.first_unit_of(session, request.household or "")
    if found is None:
        raise NotFound(f"There is no {'unit' if request.unit else 'household with a unit,'} {_name(request)}.")
    return found


def _name(request: ChargeRequest) -> str:
    return request.unit or request.household or ""


def _issue(session: Session, home: Home, charge_id: UUID, request: ChargeRequest, now: datetime) -> int:
    today = business_date(now)
    _check(request, today)
    due_date = request.due_date or _due_date(session, home.estate_id, today)
    paid_fen = min(tables.lock_household(session, home.household_id), request.amount_fen)
    shape = {"estate_id": home.estate_id, "building": home.building, "fee_item": request.fee_item}
    shape |= {"period": today.replace(day=1), "due_date": due_date}
    owed = {"unit_id": home.id, "household_id": home.household_id, "amount_fen": request.amount_fen}
    inputs = {"method": "one_off", "description": request.description, "amount_fen": request.amount_fen}
    row = shape | owed | {"paid_fen": paid_fen, "issued_on": today, "inputs": inputs, "charge_id": charge_id}
    bill_id = tables.insert_bill(session, row)
    _post(session, row | {"bill_id": bill_id, "source": str(charge_id)}, shape, now)
    _tell(session, home, request, bill_id, due_date, paid_fen, now)
    return bill_id


def _post(session: Session, made: dict[str, Any], shape: dict[str, Any], now: datetime) -> None:
    """Ledger, prepaid balance and figures of a new bill, booked today or on the first day that is open (B8)."""
    booked = ledger.booking_day(session, made["estate_id"], made["issued_on"])
    common = {name: made[name] for name in ("estate_id", "household_id", "bill_id", "source")} | vars(booked)
    owed = {"kind": "bill_issued", "debit": "receivable", "credit": "fee_income", "amount_fen": made["amount_fen"]}
    paid = {
        "kind": "credit_applied",
        "debit": "customer_credit",
        "credit": "receivable",
        "amount_fen": made["paid_fen"],
    }
    ledger.post(session, [Posting(**owed, **common), Posting(**paid, **common)], now)
    ledger.add_credit(session, made["household_id"], -made["paid_fen"])
    figures = {"booked_on": booked.booked_on, "billed_fen": made["amount_fen"], "collected_fen": made["paid_fen"]}
    tables.roll_up(session, shape | figures)


def _check(request: ChargeRequest, today: date) -> None:
    errors = []
    if not 0 < request.amount_fen <= LARGEST_FEN:
        errors.append({"loc": "amount_fen", "msg": "more than 0, not absurdly much"})
    texts = {"fee_item": request.fee_item, "description": request.description}
    errors += [{"loc": name, "msg": "empty"} for name, value in texts.items() if not value.strip()]
    if request.due_date is not None and request.due_date < today:
        errors.append({"loc": "due_date", "msg": "in the past"})
    if request.due_date is not None and request.due_date > today + MOST_AHEAD:
        errors.append({"loc": "due_date", "msg": f"after {today + MOST_AHEAD}"})
    if errors:
        raise Invalid("The charge is not valid.", errors)


def _due_date(session: Session, estate_id: int, today: date) -> date:
    """As a bill of this month by the estate's policy, but never before today."""
    policy = load_policy(session, estate_id)
    return max(due_date(policy, today.replace(day=1), WorkingCalendar()), today)


def _tell(
    session: Session, home: Home, request: ChargeRequest, bill_id: int, due_date: date, paid_fen: int, now: datetime
) -> None:
    amount = request.amount_fen
    one = IssuedBill(bill_id=bill_id, household=home.household, amount_fen=amount, open_fen=amount - paid_fen)
    event = BillsIssued(
        run_id=None,
        estate=home.estate,
        fee_item=request.fee_item,
        period=format_period(business_date(now)),
        due_date=due_date,
        bills=[one],
    )
    record(session, event, aggregate=f"estate:{home.estate}", at=now)


def _view(session: Session, bill_id: int, charge_id: UUID, description: str) -> Charge:
    row = load_bill(session, bill_id)
    if row is None:
        raise NotFound(f"There is no bill {bill_id}.")
    return Charge(
        **bill_view(row), charge_id=charge_id, bill_id=bill_id, household=row.household, description=description
    )
