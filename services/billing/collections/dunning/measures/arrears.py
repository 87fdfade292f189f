"""STORY of the arrears ledger (D5): who owes how much for how long, one by one or added up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from sqlalchemy.orm import Session

from services.billing.collections.dunning import rules
from services.billing.collections.dunning.claims_sql import owing_but_in_credit
from services.billing.collections.dunning.measures import arrears_sql
from services.billing.collections.dunning.measures.arrears_sql import ByAge, HouseholdArrears, SummedArrears
from services.billing.collections.dunning.measures.rules import key_name
from services.billing.collections.dunning.rules import BUCKETS
from services.billing.receivables.late_fee.sql import late_fees_due
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.dunning import (
    Arrears,
    ArrearsBy,
    ArrearsGroup,
    ArrearsSummary,
    Bucket,
    OverdueByAge,
)
from services.common.contracts.answers.portfolio import Cause
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.common.paging import page, position


@dataclass(frozen=True)
class ArrearsCut:
    """How the arrears ledger is cut; None: not by this."""

    estate: str | None = None
    building: str | None = None
    steward: str | None = None
    bucket: str | None = None
    cause: Cause | None = None


def list_arrears(
    session: Session, caller: Caller, cut: ArrearsCut, limit: int, cursor: str | None, today: date
) -> Page[Arrears]:
    """Overdue households (D5), paged. A household is in the bucket of its oldest bill; `buckets` splits its amount by
    the age of each bill. Who owes late fee alone is listed too; whose credit covers everything is not. Invalid (unknown
    bucket), Forbidden."""
    filters, days = _cut(session, caller, cut, today)
    key = position(cursor, int)
    rows = arrears_sql.arrears(session, filters, days, key[0] if key else 0, limit + 1, today)
    households, next_cursor = page(rows, limit, lambda row: [row.household_id])
    fees = late_fees_due(session, [row.household_id for row in households], today)
    shows_cause = caller.may(Permission.READ_DUNNING)
    items = [_arrears(row, fees.get(row.household_id, 0), shows_cause=shows_cause) for row in households]
    return Page(items=items, next_cursor=next_cursor)


def arrears_summary(
    session: Session, caller: Caller, cut: ArrearsCut, group_by: ArrearsBy, today: date
) -> ArrearsSummary:
    """Overdue principal and households by bucket, amount, cause, building or steward (D5).

    A group is what `list_arrears` lists when it is cut by that key; buckets and amounts are a household's, by its
    oldest bill and by all it owes. A household with bills in two buildings counts in both.
    """
    filters, days = _cut(session, caller, cut, today)
    if group_by == "cause":
        caller.require(Permission.READ_DUNNING)
    rows = arrears_sql.summary(session, filters, days, group_by, today)
    return ArrearsSummary(
        group_by=group_by,
        items=[_group(group_by, row) for row in rows],
        next_cursor=None,
        overdue_fen=sum(row.overdue_fen for row in rows),
    )


def _cut(
    session: Session, caller: Caller, cut: ArrearsCut, today: date
) -> tuple[Mapping[str, object], tuple[int, int | None]]:
    caller.require(Permission.READ_ARREARS)
    if cut.cause is not None:
        caller.require(Permission.READ_DUNNING)
    codes = caller.estate_filter(cut.estate)
    estates = None if codes is None else sorted(codes)
    in_credit = owing_but_in_credit(session, estates, today)
    filters = {
        "estates": estates,
        "in_credit": in_credit,
        "building": cut.building,
        "steward": cut.steward,
        "cause": cut.cause,
    }
    return filters, _bucket(cut.bucket)


def _bucket(name: str | None) -> tuple[int, int | None]:
    if name is None:
        return 1, None
    try:
        return rules.bucket_days(name)
    except KeyError as error:
        labels = ", ".join(bucket for bucket, _, _ in BUCKETS)
        raise Invalid("There is no such bucket.", [{"loc": "bucket", "msg": f"one of {labels}"}]) from error


def _arrears(row: HouseholdArrears, late_fee_fen: int, *, shows_cause: bool) -> Arrears:
    return Arrears(
        household=row.household,
        estate=row.estate,
        building=row.building,
        steward=row.steward,
        cause=row.cause if shows_cause else None,
        overdue_fen=row.overdue_fen,
        disputed_fen=row.disputed_fen,
        late_fee_fen=late_fee_fen,
        credit_fen=row.credit_fen,
        claim_fen=row.overdue_fen + late_fee_fen - row.credit_fen,
        bills=row.bills,
        oldest_due_date=row.oldest_due_date,
        overdue_days=row.overdue_days,
        bucket=cast("Bucket", rules.bucket_of(row.overdue_days)),  # only what is overdue is listed
        buckets=_by_age(row),
    )


def _group(group_by: ArrearsBy, row: SummedArrears) -> ArrearsGroup:
    return ArrearsGroup(
        key=key_name(group_by, row.key),
        estate=row.estate,
        households=row.households,
        bills=row.bills,
        overdue_fen=row.overdue_fen,
        disputed_fen=row.disputed_fen,
        buckets=_by_age(row),
    )


def _by_age(row: ByAge) -> OverdueByAge:
    return OverdueByAge({"1-15": row.b1, "16-30": row.b2, "31-60": row.b3, "61-365": row.b4, "365+": row.b5})
