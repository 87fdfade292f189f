"""The billing service: all its doors, part by part (A, B, C, D, J1)."""

from typing import ClassVar

from services.billing.bills.service import BillDoors
from services.billing.dunning.service import DunningDoors
from services.billing.figures.service import FigureDoors
from services.billing.imports.service import ImportDoors
from services.billing.ledger.service import LedgerDoors
from services.billing.plans.service import PlanDoors
from services.billing.portfolio.service import PortfolioDoors
from services.billing.tariffs.service import TariffDoors
from services.common.service import EstateService


class BillingService(
    PortfolioDoors,
    ImportDoors,
    TariffDoors,
    BillDoors,
    LedgerDoors,
    PlanDoors,
    DunningDoors,
    FigureDoors,
    EstateService,
):
    """Portfolio, tariffs, bills, ledger, dunning and figures of a group."""

    name: ClassVar[str] = "billing"


SERVICE = BillingService
