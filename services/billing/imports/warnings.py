"""STORY of warnings: what a file says that is loaded as it stands, and that a person should look at (A3, B1)."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy.orm import Session

from services.billing.charging.tariffs.versions import fee_items_by_estate
from services.billing.imports import tables
from services.billing.imports.kinds import plain
from services.billing.imports.rules import Register
from services.billing.imports.tables import BilledReading
from services.common.domain.calendar import format_period
from services.common.sheets.reading import CellError, Row


def items_without_tariff(session: Session, rows: Sequence[Row], register: Register) -> Iterator[CellError]:
    """Opening balances of a fee item their estate has no tariff of: most often it is mistyped.

    An estate without any tariff is not set up yet and says nothing.
    """
    items_by_estate = fee_items_by_estate(session, list(register.estates.values()))
    for row in rows:
        items = items_by_estate.get(register.estates[row["estate_code"]])
        if items and row["fee_item"] not in items:
            yield CellError(row.line, "fee_item", f"no tariff of this item: {row['fee_item']}")


def billed_readings(
    session: Session, rows: Sequence[Row], corrections: Sequence[Mapping[str, object]], register: Register
) -> Iterator[CellError]:
    """Corrected readings that standing bills were made from."""
    lines = {_key(row, register): row.line for row in rows}
    for reading in tables.billed_readings(session, corrections):
        yield CellError(lines[reading.unit_id, reading.meter, reading.read_on], "reading", _message(reading))


def _key(row: Row, register: Register) -> tuple[object, ...]:
    return register.units[row["estate_code"], row["unit_code"]], row["meter"], row["read_on"]


def _message(reading: BilledReading) -> str:
    bill, value = f"the bill of {format_period(reading.period)}", plain(reading.value)
    if reading.closes:
        return f"{bill} was made from {value}: it stands, the next run settles the difference"
    return f"{bill} begins with {value}: it stands, void and reissue it to bill the difference"
