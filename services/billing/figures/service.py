"""DOORS of the figures wing (J1, J3)."""

from services.billing.figures.rates.service import RateDoors
from services.billing.figures.warnings.service import WarningDoors


class FigureDoors(
    RateDoors,
    WarningDoors,
):
    """Collection rates and early warnings."""
