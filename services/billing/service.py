"""DOORS of the billing service, wing by wing (A, B, C, D, J). A wing imports only wings before it in this list."""

from typing import ClassVar

from services.billing.charging.service import ChargingDoors
from services.billing.collections.service import CollectionDoors
from services.billing.figures.service import FigureDoors
from services.billing.holds.service import HoldDoors
from services.billing.imports.service import ImportDoors
from services.billing.portfolio.service import PortfolioDoors
from services.billing.receivables.service import ReceivableDoors
from services.common.service import EstateService


class BillingService(
    PortfolioDoors,
    HoldDoors,
    ReceivableDoors,
    ChargingDoors,
    CollectionDoors,
    FigureDoors,
    ImportDoors,
    EstateService,
):
    """Portfolio, tariffs, bills, ledger, dunning, figures and early warnings of a group."""

    name: ClassVar[str] = "billing"


SERVICE = BillingService
