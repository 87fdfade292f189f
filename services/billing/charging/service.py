"""DOORS of the charging wing, part by part (B1-B5)."""

from services.billing.charging.bills.service import BillDoors
from services.billing.charging.charges.service import ChargeDoors
from services.billing.charging.register.service import RegisterDoors
from services.billing.charging.shared_costs.service import SharedCostDoors
from services.billing.charging.tariffs.service import TariffDoors
from services.billing.charging.voids.service import VoidDoors


class ChargingDoors(
    BillDoors,
    ChargeDoors,
    RegisterDoors,
    SharedCostDoors,
    TariffDoors,
    VoidDoors,
):
    """What households are charged, and why."""
