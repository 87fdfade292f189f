"""The journal of the ledger for auditors (B7, I5)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import EstateFilter, HouseholdFilter
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.ledger import LedgerEntry, MovementKind
from services.common.domain.permissions import Permission
from services.common.fields import INT64, LARGEST_BIGINT, Code, Day

routes = Routes("Collections")
BillFilter = Annotated[
    int | None, Query(gt=0, le=LARGEST_BIGINT, description="Id of a bill", examples=[48211], json_schema_extra=INT64)
]
AccountFilter = Annotated[Code | None, Query(description="On either side", examples=["customer_credit"])]
KindFilter = Annotated[MovementKind | None, Query(description="Only this kind", examples=["principal_waived"])]
BookedFrom = Annotated[Day | None, Query(description="Booked on this day or later", examples=["2026-11-01"])]
BookedTo = Annotated[Day | None, Query(description="Booked on this day or earlier", examples=["2026-11-30"])]


@routes.get("/v1/ledger/entries", answer=Page[LedgerEntry], permission=Permission.READ_LEDGER, problems=(404,))
async def list_ledger_entries(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    bill_id: BillFilter = None,
    account: AccountFilter = None,
    kind: KindFilter = None,
    booked_from: BookedFrom = None,
    booked_to: BookedTo = None,
) -> Response:
    """The ledger entry by entry, by estate, day and id; account and kind within an estate or a month (B7)."""
    return await call(
        "billing",
        "list_ledger_entries",
        estate=estate,
        household=household,
        bill_id=bill_id,
        account=account,
        kind=kind,
        booked_from=booked_from,
        booked_to=booked_to,
        **page,
    )
