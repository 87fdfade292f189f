"""Who walks through the office after the month: the stage's roles and a steward, and the households they deal with."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from demo.api import Api, Json
from demo.examples.recording import Recording
from demo.portfolio import EstatePortfolio, Household, Unit
from demo.stage import Stage

PATIENCE_SECONDS = 120.0
OLD_BILLS = 9  # a debtor worth going through the office for owes at least so many


@dataclass
class Walk:
    """`met` are the households something was done for: all of them are read in the end."""

    stage: Stage
    recording: Recording
    broker: str
    met: list[str] = field(default_factory=list)

    @cached_property
    def steward(self) -> Api:
        """The API as a steward sees it."""
        return self.stage.api.sign_in("steward", estates=["*"])

    @property
    def part(self) -> EstatePortfolio:
        """The estate most of it happens on."""
        return self.stage.portfolio.estates[0]

    @property
    def estate(self) -> str:
        """Its code."""
        return self.part.estate.code

    @cached_property
    def debtors(self) -> list[Household]:
        """Two who owe for many months and whose dunning nothing holds."""
        owing = self._debtors()
        return [next(owing), next(owing)]

    def day(self, days: int = 0) -> str:
        """So many days from today."""
        return (self.stage.today + timedelta(days=days)).isoformat()

    def owed(self, household: str) -> list[Json]:
        """The open bills of a household, oldest first."""
        bills = self.stage.finance.get(f"/v1/households/{household}/statement")["bills"]
        return [bill for bill in bills if bill["outstanding_fen"] > 0]

    def punctual(self, part: EstatePortfolio) -> Iterator[Household]:
        """Those of an estate who pay in time and have something to pay."""
        on_time = (household for household in part.households if household.payer.name == "on_time")
        return (household for household in on_time if self.owed(household.code))

    def _debtors(self) -> Iterator[Household]:
        for household in self.part.households:
            if household.payer.name == "hard_core" and len(self.owed(household.code)) >= OLD_BILLS:
                case = self.stage.manager.get(f"/v1/dunning/cases/{household.code}")
                if not case["held"]:
                    yield household

    def meet(self, household: str) -> str:
        """Remember a household; its code."""
        self.met.append(household)
        return household


def home_of(part: EstatePortfolio, household: Household) -> Unit:
    """The first unit a household pays for."""
    return next(unit for unit in part.units if unit.household.code == household.code)
