"""STORE of tariff versions and billing policies as runs and voids read them (B1)."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from sqlalchemy import Integer, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.billing.charging.tariffs.cycles import BillingPolicy
from services.billing.charging.tariffs.rules import TariffVersion
from services.billing.tables import billing_policy, tariff
from services.common.prepared import Prepared

_PLAIN = [name for name in TariffVersion.__dataclass_fields__ if name not in ("published", "tiers", "grade_factors")]

VERSIONS = Prepared(
    "tariff_versions",
    f"SELECT estate_id, {', '.join(_PLAIN)}, tiers, grade_factors, published_at IS NOT NULL AS published FROM tariff"
    " WHERE estate_id = ANY (:estate_ids)",
    {"estate_ids": "int[]"},
)


def load_versions(session: Session, estate_ids: Sequence[int]) -> dict[int, list[TariffVersion]]:
    """Every tariff version of each of the estates."""
    versions_by_estate: dict[int, list[TariffVersion]] = {estate_id: [] for estate_id in estate_ids}
    for row in VERSIONS.execute(session, {"estate_ids": list(versions_by_estate)}):
        version = TariffVersion(
            **{name: getattr(row, name) for name in _PLAIN},
            published=row.published,
            tiers=tuple((Decimal(above), Decimal(price)) for above, price in row.tiers or ()),
            grade_factors=row.grade_factors and {grade: Decimal(f) for grade, f in row.grade_factors.items()},
        )
        versions_by_estate[row.estate_id].append(version)
    return versions_by_estate


def fee_items(session: Session, estate_ids: Sequence[int]) -> set[str]:
    """The fee items these estates have any tariff of, published or not."""
    query = select(tariff.c.fee_item).where(tariff.c.estate_id == any_(literal(list(estate_ids), ARRAY(Integer))))
    return set(session.scalars(query.distinct()))


def fee_items_by_estate(session: Session, estate_ids: Collection[int]) -> dict[int, set[str]]:
    """Estate → the fee items it has any tariff of, published or not; nothing for one without any."""
    items: dict[int, set[str]] = {}
    for estate_id, fee_item in session.execute(
        select(tariff.c.estate_id, tariff.c.fee_item).where(tariff.c.estate_id.in_(estate_ids)).distinct()
    ):
        items.setdefault(estate_id, set()).add(fee_item)
    return items


def load_policy(session: Session, estate_id: int) -> BillingPolicy:
    """The estate's own policy, or else the group's default (B3)."""
    columns = [billing_policy.c[name] for name in BillingPolicy.__dataclass_fields__]
    query = select(*columns).where(billing_policy.c.estate_id.in_([estate_id, GROUP_DEFAULT]))
    row = session.execute(query.order_by(billing_policy.c.estate_id.desc()).limit(1)).mappings().one()
    return BillingPolicy(**row)


GROUP_DEFAULT = 0
