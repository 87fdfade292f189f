"""LAW of waivers (C2): how much is asked of each bill, how much is granted, and who may grant it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.common.domain.money import half_up, largest_remainder

RULE = "rule"


@dataclass(frozen=True)
class GrantedBefore:
    """What was granted of a kind: to the household in the past 365 days, and ever on the bills now asked about."""

    household_fen: int = 0
    bills_fen: int = 0


@dataclass(frozen=True)
class Band:
    """One line of the authority matrix: who may grant up to an amount and/or a part of the base; None: no limit.

    Without roles it is granted at once, by rule. `four_eyes`: whoever asked may not grant it.
    """

    up_to_fen: int | None = None
    up_to_ratio: Decimal | None = None
    roles: tuple[str, ...] = ()
    needs_resolution: bool = False
    four_eyes: bool = False

    def covers(self, fen: int, base_fen: int, before: "GrantedBefore") -> bool:
        """Whether the band goes so far, with what was granted before: many small waivers are one large one."""
        if self.up_to_fen is not None and fen + before.household_fen > self.up_to_fen:
            return False
        return self.up_to_ratio is None or fen + before.bills_fen <= (base_fen + before.bills_fen) * self.up_to_ratio


def flaws(bands: Sequence[Band], grantors: Collection[str]) -> dict[str, str]:
    """What is wrong with a matrix, by where; nothing when each band goes further than the one before.

    `grantors` are the roles that may decide on waivers at all.
    """
    wrong = {}
    for index, band in enumerate(bands):
        if unfit := set(band.roles) - set(grantors):
            wrong[f"bands.{index}.roles"] = f"{', '.join(sorted(unfit))} may not grant waivers"
        if not band.roles and (index or band.up_to_fen is None or band.needs_resolution or band.four_eyes):
            wrong[f"bands.{index}.roles"] = "by rule goes only what the first band covers, up to an amount"
        if index and not _goes_further(band, bands[index - 1]):
            wrong[f"bands.{index}"] = "must go further than the one before"
    return wrong


def _goes_further(band: Band, before: Band) -> bool:
    amounts = _reach(band.up_to_fen), _reach(before.up_to_fen)
    ratios = _reach(band.up_to_ratio), _reach(before.up_to_ratio)
    return amounts[0] >= amounts[1] and ratios[0] >= ratios[1] and (amounts[0], ratios[0]) != (amounts[1], ratios[1])


def _reach(limit: int | Decimal | None) -> Decimal:
    return Decimal("Infinity") if limit is None else Decimal(limit)


@dataclass(frozen=True)
class Authority:
    """Who may grant a waiver. Without roles nobody need be asked."""

    roles: frozenset[str]
    needs_resolution: bool
    four_eyes: bool
    automatic: bool


def authority(bands: Sequence[Band], fen: int, base_fen: int, before: GrantedBefore) -> Authority | None:
    """The first band that goes so far; who may grant more may grant this too. None: nobody may."""
    for index, band in enumerate(bands):
        if band.covers(fen, base_fen, before):
            roles = frozenset(role for later in bands[index:] for role in later.roles)
            return Authority(roles, band.needs_resolution, band.four_eyes, automatic=not band.roles)
    return None


def by_another(who: Authority, grantors: Collection[str]) -> Authority:
    """Who may grant it to whoever set the matrix: somebody else, also what goes by rule (FC1)."""
    return Authority(who.roles or frozenset(grantors), who.needs_resolution, four_eyes=True, automatic=False)


def automatic_fen(bands: Sequence[Band]) -> int:
    """What is granted by rule, without anybody who decides."""
    return (bands[0].up_to_fen or 0) if bands and not bands[0].roles else 0


def by_ratio(bases: Mapping[int, int], ratio: Decimal) -> dict[int, int]:
    """ratio × base per bill, half up to the fen."""
    return {bill_id: half_up(base * ratio) for bill_id, base in bases.items()}


def by_amount(bases: Mapping[int, int], amount_fen: int) -> dict[int, int]:
    """An amount shared by base, to the fen; ValueError when it is more than all bases together."""
    if amount_fen > sum(bases.values()):
        raise ValueError(f"only {sum(bases.values())} fen can be waived")
    parts = largest_remainder(amount_fen, [Decimal(base) for base in bases.values()])
    return dict(zip(bases, parts, strict=True))


def grant_amounts(requests: Mapping[int, int], waivable: Mapping[int, int]) -> dict[int, int]:
    """What was asked, as far as it is still there to be waived."""
    return {bill_id: max(0, min(fen, waivable.get(bill_id, 0))) for bill_id, fen in requests.items()}
