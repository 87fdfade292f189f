"""An estate brought in by CSV and billed, for tests of billing's handlers."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from services.billing.charging.bills import handlers as bills
from services.billing.charging.tariffs import handlers as tariffs
from services.billing.imports import handlers as imports
from services.billing.settings import Settings
from services.common.contracts.answers.bills import BillRun
from services.common.contracts.answers.imports import ImportResult
from services.common.contracts.answers.tariffs import PublishedTariffs
from services.common.contracts.events import BillRunSliceRequested
from services.common.domain.access import Caller
from tests.support.outbox import events

NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
FINANCE = Caller(sub="finance-1", roles=frozenset({"finance"}), estates=frozenset({"*"}))
ESTATES = "estate_code,name,region,city,property_type,service_grade,charging_mode,late_fee_clause"
UNITS = "estate_code,building,unit_code,area_m2,usage,status,household_code,owner_name,owner_phone"
TARIFFS = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,vacancy_ratio"
OPENING = "estate_code,unit_code,fee_item,period,amount_yuan,due_date,paid_yuan"


def manager(*estates: str, role: str = "estate_manager") -> Caller:
    """Somebody whose scope is these estates only."""
    return Caller(sub=f"{role}-1", roles=frozenset({role}), estates=frozenset(estates))


@dataclass
class Desk:
    """What finance does at its desk, each act in a transaction of its own.

    A desk whose clock nobody has set bills a past month on the month's last day, so that its bills are due by policy.
    """

    engine: Engine
    settings: Settings
    now: datetime = NOW

    def load(self, kind: str, *lines: str, caller: Caller = FINANCE, request_id: UUID | None = None) -> ImportResult:
        """Import a CSV file."""
        sheet = imports.read(caller, kind, "\n".join(lines), settings=self.settings)
        with Session(self.engine) as session, session.begin():
            return imports.import_sheet(
                session, caller, sheet, request_id or uuid4(), now=self.now, settings=self.settings
            )

    def estate(self, code: str = "E1", *units: str, price: str = "2.35") -> None:
        """An estate with these units and one published tariff, property_fee per area for residential units."""
        self.load("estates", ESTATES, f"{code},翠苑,华东,杭州,residential,A,lump_sum,合同第七条")
        self.load("units", UNITS, *units)
        self.load("tariffs", TARIFFS, f"{code},property_fee,per_area,residential,{price},2020-01-01,0.7")
        self.publish(code)

    def publish(self, code: str) -> PublishedTariffs:
        """Publish all tariffs of an estate."""
        with Session(self.engine) as session, session.begin():
            return tariffs.publish_estate_tariffs(session, FINANCE, code, self.now)

    def start(
        self, period: str = "2026-10", *, caller: Caller = FINANCE, run_id: UUID | None = None, **asked: Any
    ) -> UUID:
        """Plan a run."""
        run_id = run_id or uuid4()
        with Session(self.engine) as session, session.begin():
            request = bills.RunRequest(period, **asked)
            bills.start_bill_run(session, caller, run_id, request, now=self.now, settings=self.settings)
        return run_id

    def issuing(self, period: str) -> datetime:
        """The instant at which a month is billed."""
        following = (date.fromisoformat(f"{period}-01") + timedelta(days=31)).replace(day=1)
        last_day = datetime(following.year, following.month, following.day, 4, tzinfo=UTC) - timedelta(days=1)
        return min(self.now, last_day) if self.now == NOW else self.now

    def slices(self, run_id: UUID) -> list[int]:
        """The slices a run asked for, in the order of their events."""
        with Session(self.engine) as session:
            asked = [e for e in events(session, BillRunSliceRequested) if e.run_id == run_id]
            return [slice_id for e in asked for slice_id in (e.slice_id, *e.more)]

    def bill(self, slice_id: int, at: datetime | None = None) -> None:
        """Take one slice, as a replica does."""
        with Session(self.engine) as session, session.begin():
            bills.bill_slices(session, [slice_id], now=at or self.now, settings=self.settings)

    def run(self, period: str = "2026-10", **asked: Any) -> BillRun:
        """A whole run, and its progress afterwards."""
        run_id = self.start(period, **asked)
        for slice_id in self.slices(run_id):
            self.bill(slice_id, self.issuing(period))
        return self.progress(run_id)

    def progress(self, run_id: UUID, caller: Caller = FINANCE) -> BillRun:
        """How far a run is."""
        with Session(self.engine) as session:
            return bills.get_bill_run(session, caller, run_id)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """What a query says, as plain tuples."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), parameters)]

    def one(self, query: str, **parameters: Any) -> Any:
        """The single value of a query."""
        [(value,)] = self.rows(query, **parameters)
        return value

    def write(self, statement: str, **parameters: Any) -> None:
        """Change something directly."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), parameters)
