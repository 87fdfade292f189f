"""Small estates for journeys: as CSV files, the way a user brings them."""

import zlib
from dataclasses import dataclass

from tests.support.api import Api


@dataclass(frozen=True)
class SmallEstate:
    """An estate with flats of 87.33 m² at 2.35 yuan: 205.23 yuan a month each. Codes begin with `code`."""

    code: str
    flats: int = 2
    region: str = "South"

    @property
    def households(self) -> list[str]:
        return [f"{self.code}-H{number}" for number in range(1, self.flats + 1)]

    def phone(self, number: int) -> str:
        """A number no network gives out, another one in every estate."""
        return f"100{zlib.crc32(self.code.encode()) % 10_000:04}{number:04}"

    def estates(self) -> str:
        return (
            "estate_code,name,region,city,property_type,service_grade,charging_mode,opened_on,late_fee_clause\n"
            f"{self.code},Garden {self.code},{self.region},Nanjing,residential,A,lump_sum,2015-01-01,Contract art. 12\n"
        )

    def units(self) -> str:
        head = "estate_code,building,unit_code,area_m2,usage,status,household_code,owner_name,owner_phone\n"
        return head + "".join(
            f"{self.code},B{1 + number % 2},{number:04},87.33,residential,occupied,"
            f"{household},王小明,{self.phone(number)}\n"
            for number, household in enumerate(self.households, start=1)
        )

    def staff(self) -> str:
        return (
            "staff_code,name,role,estate_code,buildings,phone,skills\n"
            f"{self.code}-S1,李管家,steward,{self.code},B1;B2,10000000001,\n"
            f"{self.code}-T1,赵师傅,technician,{self.code},,10000000002,lift;water\n"
        )

    def tariffs(self) -> str:
        return (
            "estate_code,fee_item,method,usage,unit_price_yuan,effective_from\n"
            f"{self.code},property_fee,per_area,residential,2.35,2015-01-01\n"
        )

    def opening(self, period: str, due: str, *flats: int, yuan: str = "205.23") -> str:
        """What these flats owed of a month before the books were opened here; all of them where none is named."""
        head = "estate_code,unit_code,fee_item,period,amount_yuan,due_date\n"
        rows = (f"{self.code},{number:04},property_fee,{period},{yuan},{due}\n"
                for number in flats or range(1, self.flats + 1))  # fmt: skip
        return head + "".join(rows)

    def load(self, api: Api) -> None:
        """Import and publish everything."""
        for kind in ("estates", "units", "staff", "tariffs"):
            api.load(kind, getattr(self, kind)())
        api.post(f"/v1/estates/{self.code}/tariffs/publish")
