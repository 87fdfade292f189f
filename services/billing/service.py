"""The billing service: all its doors, part by part (A, B, C, D, J1)."""

from typing import ClassVar

from services.billing.bills.service import BillDoors
from services.billing.books.service import BookDoors
from services.billing.charges.service import ChargeDoors
from services.billing.closure.service import ClosureDoors
from services.billing.credits.service import CreditDoors
from services.billing.dunning.service import DunningDoors
from services.billing.figures.service import FigureDoors
from services.billing.imports.service import ImportDoors
from services.billing.incentives.service import IncentiveDoors
from services.billing.ledger.service import LedgerDoors
from services.billing.legal.service import LegalDoors
from services.billing.plans.service import PlanDoors
from services.billing.portfolio.service import PortfolioDoors
from services.billing.risk.service import RiskDoors
from services.billing.tariffs.service import TariffDoors
from services.billing.voids.service import VoidDoors
from services.billing.waivers.service import WaiverDoors
from services.billing.warnings.service import WarningDoors
from services.common.service import EstateService


class BillingService(
    PortfolioDoors,
    ImportDoors,
    TariffDoors,
    BillDoors,
    LedgerDoors,
    DunningDoors,
    FigureDoors,
    BookDoors,
    RiskDoors,
    WarningDoors,
    WaiverDoors,
    VoidDoors,
    CreditDoors,
    IncentiveDoors,
    LegalDoors,
    ClosureDoors,
    ChargeDoors,
    PlanDoors,
    EstateService,
):
    """Portfolio, tariffs, bills, ledger, dunning, figures and early warnings of a group."""

    name: ClassVar[str] = "billing"


SERVICE = BillingService
