"""DOORS of the collections wing, part by part (D)."""

from services.billing.collections.closure.service import ClosureDoors
from services.billing.collections.dunning.service import DunningDoors
from services.billing.collections.legal.service import LegalDoors
from services.billing.collections.policies.service import BillingPolicyDoors
from services.billing.collections.risk.service import RiskDoors


class CollectionDoors(
    ClosureDoors,
    DunningDoors,
    LegalDoors,
    BillingPolicyDoors,
    RiskDoors,
):
    """How arrears are urged, pursued and closed."""
