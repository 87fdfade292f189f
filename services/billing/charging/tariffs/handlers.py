"""STORY of tariffs: list them, publish them (公示); a published version never changes (B1)."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.billing.charging.tariffs import tables
from services.billing.charging.tariffs.rules import by_price, days_in_force
from services.billing.charging.tariffs.tables import TariffRow
from services.billing.charging.tariffs.versions import load_versions
from services.billing.portfolio.tables import find_estate, find_household
from services.billing.tables import lock_estate
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.tariffs import PriceComponent, PriceTier, PublishedTariffs, Tariff
from services.common.contracts.errors import Conflict, NotFound
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.observability.logs import get_logger

log = get_logger(__name__)


def list_tariffs(session: Session, caller: Caller, estate: str) -> Page[Tariff]:
    """Every tariff version of an estate.

    An owner sees those of the own household's estate that are published (公示). NotFound, Forbidden.
    """
    caller.require(Permission.READ_TARIFFS)
    rows = tables.tariffs_of(session, find_estate(session, _at_home(session, caller), estate).id)
    items = [tariff_view(row, estate) for row in rows if row.published_at is not None or not caller.is_owner]
    return Page(items=items, next_cursor=None)


def _at_home(session: Session, caller: Caller) -> Caller:
    """An owner's sign-in names a household and no estate: its estate is in scope. Staff as they are."""
    if not caller.is_owner or caller.household is None:
        return caller
    home = find_household(session, caller, caller.household)
    return caller.model_copy(update={"estates": frozenset({home.estate})})


def publish_tariff(session: Session, caller: Caller, tariff_id: int, now: datetime) -> Tariff:
    """Publish one version and answer it; publishing again changes nothing and answers the same. NotFound, Forbidden."""
    caller.require(Permission.PUBLISH_TARIFFS)
    estate = tables.estate_of(session, tariff_id)
    if estate is None:
        raise NotFound(f"There is no tariff {tariff_id}.")
    caller.require_estate(estate.code)
    # Not while a slice of the estate is being billed: all its slices of one moment see the same prices.
    lock_estate(session, estate.id)
    if tables.publish(session, estate.id, tariff_id, now):
        log.info("tariff published", extra={"estate": estate.code, "tariff_id": tariff_id, "by": caller.sub})
    return tariff_view(tables.load_tariff(session, tariff_id), estate.code)


def withdraw_tariff(session: Session, caller: Caller, tariff_id: int) -> Tariff:
    """Take back the publication of a version that nothing was billed by yet: it waits again, and may be corrected.

    Of one that waits already nothing changes. NotFound, Forbidden, Conflict (bills were made from it).
    """
    caller.require(Permission.PUBLISH_TARIFFS)
    estate = tables.estate_of(session, tariff_id)
    if estate is None:
        raise NotFound(f"There is no tariff {tariff_id}.")
    caller.require_estate(estate.code)
    lock_estate(session, estate.id)
    row = tables.load_tariff(session, tariff_id)
    if row.published_at is not None:
        _refuse_if_used(session, estate.id, row)
        tables.withdraw(session, tariff_id)
        log.info("tariff withdrawn", extra={"estate": estate.code, "tariff_id": tariff_id, "by": caller.sub})
    return tariff_view(tables.load_tariff(session, tariff_id), estate.code)


def _refuse_if_used(session: Session, estate_id: int, row: TariffRow) -> None:
    versions = by_price(load_versions(session, [estate_id])[estate_id])
    price = next(price for price in versions if (price[0].fee_item, price[0].usage) == (row.fee_item, row.usage))
    version = next(version for version in price if version.id == row.id)
    if tables.is_used(session, estate_id, row, *days_in_force(version, price)):
        raise Conflict("Bills were made from this version; publish a newer one instead.")


def publish_estate_tariffs(session: Session, caller: Caller, code: str, now: datetime) -> PublishedTariffs:
    """Publish every version of an estate that waits."""
    caller.require(Permission.PUBLISH_TARIFFS)
    estate = find_estate(session, caller, code)
    lock_estate(session, estate.id)
    count = tables.publish(session, estate.id, None, now)
    log.info("tariffs published", extra={"estate": code, "published": count, "by": caller.sub})
    return PublishedTariffs(estate=code, published=count)


def tariff_view(row: TariffRow, estate: str) -> Tariff:
    """A tariff version as the API shows it."""
    return Tariff(
        id=row.id,
        estate=estate,
        fee_item=row.fee_item,
        method=row.method,
        usage=row.usage,
        version=row.version,
        unit_price_yuan=format(row.unit_price, "f"),
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        vacancy_ratio=None if row.vacancy_ratio is None else float(row.vacancy_ratio),
        basis=row.basis,
        composition=[PriceComponent(name=name, yuan=amount) for name, amount in row.composition or ()],
        tiers=[PriceTier(above=above, unit_price_yuan=price) for above, price in row.tiers or ()],
        grade_factors=row.grade_factors or {},
        published_at=row.published_at,
    )
