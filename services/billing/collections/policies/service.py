"""DOORS to billing's policies (ADR 23)."""

from typing import ClassVar

from services.billing.collections.policies.catalogue import CATALOGUE
from services.common.policies.handlers import Catalogue
from services.common.policies.service import PolicyDoors


class BillingPolicyDoors(PolicyDoors):
    """What holds for late fee, allocation, plans, tracks and closure."""

    policies: ClassVar[Catalogue] = CATALOGUE
