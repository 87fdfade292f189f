"""STORY of one-off services (B1): asked → a bill at once, posted, paid from the prepaid balance, told to others."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from services.billing.charging.bills.views.handlers import bill_view
from services.billing.charging.bills.views.tables import load_bill
from services.billing.charging.charges import tables
from services.billing.charging.charges.tables import Home
from services.billing.charging.tariffs.cycles import due_date
from services.billing.charging.tariffs.versions import load_policy
from services.billing.receivables.booking.handlers import book
from services.billing.receivables.credits.applying import apply_credit
from services.billing.receivables.ledger import tables as ledger
from services.billing.receivables.ledger.rules import FEE_INCOME, RECEIVABLE, Movement
from services.billing.tables import lock_estate
from services.common.contracts.answers.charges import Charge
from services.common.contracts.errors import Invalid, NotFound
from services.common.domain.access import Caller
from services.common.domain.calendar import WorkingCalendar, business_date
from services.common.domain.permissions import Permission
from services.common.fields import LARGEST_FEN
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

    def as_json(self) -> dict[str, object]:
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
        same_request("charge", standing, {"asked": request.as_json()})
        return _view(session, standing.bill_id, charge_id, standing.description)
    bill_id = _issue(session, home, charge_id, request, now)
    row = {"id": charge_id, "bill_id": bill_id, "household_id": home.household_id, "unit_id": home.id}
    row |= {"asked": request.as_json(), "description": request.description}
    tables.insert_charge(session, row | {"requested_by": caller.sub, "created_at": now})
    log.info("one-off service charged", extra={"estate": home.estate, "bill_id": bill_id, "by": caller.sub})
    return _view(session, bill_id, charge_id, request.description)


def _home(session: Session, request: ChargeRequest) -> Home:
    if (request.household is None) == (request.unit is None):
        raise Invalid("Name either a household or a unit.", [{"loc": "household", "msg": "this or unit"}])
    if request.unit is not None:
        estate, _, code = request.unit.partition("/")
        home = tables.unit_named(session, estate, code)
    else:
        home = tables.first_unit_of(session, request.household or "")
    if home is None:
        raise NotFound(f"There is no {'unit' if request.unit else 'household with a unit,'} {_name(request)}.")
    return home


def _name(request: ChargeRequest) -> str:
    return request.unit or request.household or ""


def _issue(session: Session, home: Home, charge_id: UUID, request: ChargeRequest, now: datetime) -> int:
    today = business_date(now)
    _check(request, today)
    account = ledger.account(session, home.household, lock=True)
    if account is None:
        raise NotFound(f"There is no household {home.household}.")
    bill_id = tables.insert_bill(session, _bill(session, home, charge_id, request, today))
    fen, day, cause = request.amount_fen, account.booking_day(today), str(charge_id)
    book(session, account, [Movement("bill_issued", RECEIVABLE, FEE_INCOME, fen, day, cause, bill_id)], now)
    apply_credit(session, home.household, cause, now)
    return bill_id


def _bill(session: Session, home: Home, charge_id: UUID, request: ChargeRequest, today: date) -> dict[str, object]:
    due_date = request.due_date or _due_date(session, home.estate_id, today)
    inputs = {"method": "one_off", "description": request.description, "amount_fen": request.amount_fen}
    return {
        "estate_id": home.estate_id,
        "unit_id": home.id,
        "household_id": home.household_id,
        "building": home.building,
        "fee_item": request.fee_item,
        "period": today.replace(day=1),
        "due_date": due_date,
        "amount_fen": request.amount_fen,
        "issued_on": today,
        "inputs": inputs,
        "charge_id": charge_id,
    }


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
    """As a bill of this month by the estate's policy, issued today."""
    return due_date(load_policy(session, estate_id), today.replace(day=1), today, WorkingCalendar())


def _view(session: Session, bill_id: int, charge_id: UUID, description: str) -> Charge:
    row = load_bill(session, bill_id)
    if row is None:
        raise NotFound(f"There is no bill {bill_id}.")
    return Charge(
        **bill_view(row), charge_id=charge_id, bill_id=bill_id, household=row.household, description=description
    )
