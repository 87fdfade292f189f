"""LAW of coverage: what the tariffs of an estate leave open in a cycle, for a person to look at (B1, B4).

Nothing here changes an amount but `mixed_lines`: a fee whose method changes within a cycle would get two bills of one
fee item and period, so it gets none until its months are billed one by one.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

from services.billing.charging.tariffs.cycles import Cycle
from services.billing.charging.tariffs.rules import RATE_METHODS, TariffAnomaly, TariffVersion, by_price, days_held
from services.common.contracts.answers.bills import BillingAnomaly

Line = tuple[str, str]
ONE_DAY = timedelta(days=1)


def mixed_lines(prices: Sequence[Sequence[TariffVersion]], cycle: Cycle) -> frozenset[Line]:
    """The (fee item, usage) of prices that are by rate in one part of the cycle and metered or shared in another."""
    changing = (versions for versions in prices if len({way(version.method) for version in versions}) > 1)
    return frozenset(_line(versions[0]) for versions in changing if len(_ways(versions, cycle)) > 1)


def way(method: str) -> str:
    """How a method is billed: area and fixed prices of one month go together, the others stand for themselves."""
    return "rate" if method in RATE_METHODS else method


def _ways(versions: Sequence[TariffVersion], cycle: Cycle) -> set[str]:
    return {way(version.method) for version, _, _ in days_held(versions, cycle.first, cycle.last)}


def tariff_anomalies(
    versions: Sequence[TariffVersion], cycle: Cycle, opened_on: date | None = None
) -> list[TariffAnomaly]:
    """Everything that is wrong with the tariffs of one estate for a cycle, as concerns the whole estate.

    Days before it opened need no price (A1).
    """
    if opened_on is not None and opened_on > cycle.last:
        return [TariffAnomaly(None, "not_opened", f"the estate opened on {opened_on}: nothing is billed before that")]
    first = max(cycle.first, opened_on or cycle.first)
    current = [v for v in versions if v.effective_from <= cycle.last and (v.effective_to or cycle.first) >= cycle.first]
    lines = {_line(version) for version in current if version.published}
    anomalies = []
    if not lines:
        anomalies.append(TariffAnomaly(None, "no_published_tariff", "no published tariff is in effect"))
    anomalies += [TariffAnomaly(v.fee_item, "unpublished_tariff", _version_name(v)) for v in _waiting(current, lines)]
    prices = by_price(versions)
    anomalies += [_anomaly(price[0], "tariff_gap", gap) for price in prices if (gap := _gap(price, cycle, first))]
    detail = "the method changes within the cycle: not billed, bill its months one by one"
    changing = mixed_lines(prices, cycle)
    return anomalies + [_anomaly(price[0], "method_changed", detail) for price in prices if _line(price[0]) in changing]


def _waiting(versions: Sequence[TariffVersion], lines: set[Line]) -> Iterator[TariffVersion]:
    """Versions nobody published whose time has come: of a price that has none else, or newer than what is billed."""
    for line, group in groupby(sorted(versions, key=_line), key=_line):
        line_versions = list(group)
        newest = max((v.effective_from for v in line_versions if v.published), default=None)
        for version in line_versions:
            if not version.published and (line not in lines or newest is None or version.effective_from > newest):
                yield version


def _gap(versions: Sequence[TariffVersion], cycle: Cycle, first: date) -> str | None:
    """The days from `first` on a price leaves out; None also where it ended before the last cycle, or has not begun."""
    total = (cycle.last - first).days + 1
    days = sum(day_count for _, _, day_count in days_held(versions, first, cycle.last))
    if days:
        return f"no published price on {total - days} of {total} days: they are not charged" if days < total else None
    eve = cycle.first - ONE_DAY
    if days_held(versions, eve, eve):
        return f"the price ended on {eve} and none follows: nothing is charged"
    cut_off = [v for v in versions if v.effective_from <= cycle.last and (v.effective_to or cycle.last) >= cycle.first]
    return f"version {cut_off[-1].version} was ended by a newer one that has ended too" if cut_off else None


def _anomaly(version: TariffVersion, kind: BillingAnomaly, detail: str) -> TariffAnomaly:
    return TariffAnomaly(version.fee_item, kind, f"{version.fee_item} for {version.usage}: {detail}")


def _version_name(version: TariffVersion) -> str:
    return f"{version.fee_item} for {version.usage}, version {version.version}"


def _line(version: TariffVersion) -> Line:
    return version.fee_item, version.usage
