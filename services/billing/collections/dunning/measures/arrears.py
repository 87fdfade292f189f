"""STORY of the arrears ledger (D5): who owes how much for how long, one by one or added up."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from services.billing.collections.dunning import rules
from services.billing.collections.dunning.measures import arrears_sql
from services.billing.collections.dunning.measures.rules import GroupBy, key_name
from services.billing.collections.dunning.rules import BUCKETS, Cause
from services.billing.receivables.late_fee.sql import late_fees_due
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
) -> dict[str, Any]:
    """Overdue households (D5): `{household, estate, building, steward, cause, overdue_fen, disputed_fen, late_fee_fen,
    bills, oldest_due_date, overdue_days, bucket, buckets}`, paged. A household is in the bucket of its oldest bill;
    `buckets` splits its amount by the age of each bill. Invalid (unknown bucket), Forbidden."""
    named, days = _cut(caller, cut)
    key = position(cursor, int)
    rows = arrears_sql.arrears(session, named, days, key[0] if key else 0, limit + 1, today)
    shown, next_cursor = page(rows, limit, lambda row: [row.household_id])
    fees = late_fees_due(session, [row.household_id for row in shown], today)
    return {"items": [_arrears(row, fees.get(row.household_id, 0)) for row in shown], "next_cursor": next_cursor}


def arrears_summary(
    session: Session, caller: Caller, cut: ArrearsCut, group_by: GroupBy, today: date
) -> dict[str, Any]:
    """Overdue principal and households by bucket, amount, cause, building or steward (D5): `{group_by, items: [{key,
    estate?, households, bills, overdue_fen, disputed_fen, buckets}], overdue_fen}`.

    A group is what `list_arrears` lists when it is cut by that key; buckets and amounts are a household's, by its
    oldest bill and by all it owes. A household with bills in two buildings counts in both.
    """
    named, days = _cut(caller, cut)
    rows = arrears_sql.summary(session, named, days, group_by, today)
    items = [_group(group_by, row) for row in rows]
    return {"group_by": group_by, "items": items, "overdue_fen": sum(row.overdue_fen for row in rows)}


def _cut(caller: Caller, cut: ArrearsCut) -> tuple[dict[str, Any], tuple[int, int | None]]:
    caller.require(Permission.READ_ARREARS)
    codes = caller.estate_filter(cut.estate)
    named = {"building": cut.building, "steward": cut.steward, "cause": cut.cause}
    return named | {"estates": None if codes is None else sorted(codes)}, _bucket(cut.bucket)


def _bucket(name: str | None) -> tuple[int, int | None]:
    if name is None:
        return 1, None
    try:
        return rules.bucket_days(name)
    except KeyError as error:
        known = ", ".join(bucket for bucket, _, _ in BUCKETS)
        raise Invalid("There is no such bucket.", [{"loc": "bucket", "msg": f"one of {known}"}]) from error


def _arrears(row: Row[Any], late_fee_fen: int) -> dict[str, Any]:
    return {
        "household": row.household,
        "estate": row.estate,
        "building": row.building,
        "steward": row.steward,
        "cause": row.cause,
        "overdue_fen": row.overdue_fen,
        "disputed_fen": row.disputed_fen,
        "late_fee_fen": late_fee_fen,
        "bills": row.bills,
        "oldest_due_date": row.oldest_due_date,
        "overdue_days": row.overdue_days,
        "bucket": rules.bucket_of(row.overdue_days),
        "buckets": _by_age(row),
    }


def _group(group_by: GroupBy, row: Row[Any]) -> dict[str, Any]:
    item = {"key": key_name(group_by, row.key), "households": row.households, "bills": row.bills}
    place = {"estate": row.estate} if row.estate is not None else {}
    return item | place | {"overdue_fen": row.overdue_fen, "disputed_fen": row.disputed_fen, "buckets": _by_age(row)}


def _by_age(row: Row[Any]) -> dict[str, int]:
    amounts = (row.b1, row.b2, row.b3, row.b4, row.b5)
    return {name: fen for (name, _, _), fen in zip(BUCKETS, amounts, strict=True)}
