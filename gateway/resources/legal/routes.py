"""Suit gate, legal files, limitation, evidence (D4), receipts of letters (F4)."""

import base64
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query
from starlette.responses import Response

from gateway.front.guard import Call, DocumentPatience, Services
from gateway.front.routing import Routes
from gateway.resources.base import AsOf, EstateFilter, HouseholdFilter, HouseholdPath, IdPath
from gateway.resources.legal.schemas import (
    ConsentRequest,
    FileStatusRequest,
    LegalFileRequest,
    LetterDeliveryRequest,
    ReceiptRequest,
    UrgingRequest,
)
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.legal import (
    Consent,
    EvidenceForm,
    FileStatus,
    LegalFile,
    LegalFileSummary,
    LegalKind,
    Limitation,
    Publication,
    SuitGate,
    Urging,
)
from services.common.contracts.answers.notifications import Notification
from services.common.domain.permissions import Permission

routes = Routes("Legal")
KindFilter = Annotated[LegalKind | None, Query(description="Only files of this kind", examples=["suit"])]
StatusFilter = Annotated[FileStatus | None, Query(description="Only files in this status", examples=["filed"])]
Within = Annotated[int, Query(ge=0, le=366, description="Expires within so many days", examples=[180])]
Expired = Annotated[bool, Query(description="Instead, claims that have expired", examples=[False])]


@routes.get(
    "/v1/dunning/cases/{household}/suit-gate", answer=SuitGate, permission=Permission.READ_LEGAL_FILES, personal=True
)
async def get_suit_gate(household: HouseholdPath, call: Services, as_of: AsOf = None) -> Response:
    """Which conditions of a suit are met since when, and why others are not (D4)."""
    return await call("billing", "get_suit_gate", household=household, as_of=as_of)


@routes.post(
    "/v1/dunning/cases/{household}/committee-urgings", answer=Urging, status=201, permission=Permission.KEEP_LEGAL_FILES
)
async def add_committee_urging(household: HouseholdPath, body: UrgingRequest, call: Services) -> Response:
    """Record that the owners' committee urged the household (D4)."""
    fields = body.model_dump(mode="json")
    arguments = {"household": household, "request_id": call.request_id, **fields}
    return await call("billing", "add_committee_urging", http=201, **arguments)


@routes.post("/v1/legal-files", answer=LegalFile, status=201, permission=Permission.KEEP_LEGAL_FILES)
async def open_legal_file(body: LegalFileRequest, call: Services) -> Response:
    """Open a file; 409 names every condition that stands against a suit (D4)."""
    fields = body.model_dump(mode="json")
    return await call("billing", "open_legal_file", http=201, request_id=call.request_id, **fields)


@routes.get("/v1/legal-files", answer=Page[LegalFileSummary], permission=Permission.READ_LEGAL_FILES, personal=True)
async def list_legal_files(
    call: Services,
    page: Paging,
    estate: EstateFilter = None,
    household: HouseholdFilter = None,
    kind: KindFilter = None,
    status: StatusFilter = None,
) -> Response:
    """Files, newest first."""
    filters: dict[str, Any] = {"estate": estate, "household": household, "kind": kind, "status": status}
    return await call("billing", "list_legal_files", **filters, **page)


@routes.get("/v1/legal-files/{file_id}", answer=LegalFile, permission=Permission.READ_LEGAL_FILES, personal=True)
async def get_legal_file(file_id: IdPath, call: Services) -> Response:
    """One file with its history."""
    return await call("billing", "get_legal_file", file_id=file_id)


@routes.post("/v1/legal-files/{file_id}/status", answer=LegalFile, permission=Permission.KEEP_LEGAL_FILES)
async def change_legal_file(file_id: IdPath, body: FileStatusRequest, call: Services) -> Response:
    """Its next status; the gate must still be open when a suit is filed."""
    fields = body.model_dump(mode="json")
    return await call("billing", "change_legal_file", file_id=file_id, request_id=call.request_id, **fields)


@routes.post("/v1/legal-files/{file_id}/deliveries", answer=LegalFile, permission=Permission.KEEP_LEGAL_FILES)
async def add_letter_delivery(file_id: IdPath, body: LetterDeliveryRequest, call: Services) -> Response:
    """The lawyer's letter was received."""
    fields = body.model_dump(mode="json")
    return await call("billing", "add_letter_delivery", file_id=file_id, request_id=call.request_id, **fields)


@routes.get("/v1/limitations", answer=Page[Limitation], permission=Permission.READ_LEGAL_FILES, personal=True)
async def list_limitations(
    call: Services, page: Paging, estate: EstateFilter = None, within_days: Within = 180, expired: Expired = False
) -> Response:
    """Open bills whose claim expires soon, soonest first (D4)."""
    return await call("billing", "list_limitations", estate=estate, within_days=within_days, expired=expired, **page)


@routes.get(
    "/v1/dunning/cases/{household}/publication",
    answer=Publication,
    permission=Permission.READ_LEGAL_FILES,
    personal=True,
)
async def get_publication(household: HouseholdPath, call: Services) -> Response:
    """Whether the debtor may be named in public (D4, PIPL)."""
    return await call("billing", "get_publication", household=household)


@routes.post(
    "/v1/dunning/cases/{household}/publication-consents",
    answer=Consent,
    status=201,
    permission=Permission.KEEP_LEGAL_FILES,
)
async def add_publication_consent(household: HouseholdPath, body: ConsentRequest, call: Services) -> Response:
    """Record the household's separate consent."""
    fields = body.model_dump(mode="json")
    arguments = {"household": household, "request_id": call.request_id, **fields}
    return await call("billing", "add_publication_consent", http=201, **arguments)


@routes.post("/v1/publication-consents/{consent_id}/withdraw", answer=Consent, permission=Permission.KEEP_LEGAL_FILES)
async def withdraw_publication_consent(consent_id: IdPath, call: Services) -> Response:
    """The consent is withdrawn, at once and for good."""
    return await call("billing", "withdraw_publication_consent", consent_id=consent_id)


@routes.get(
    "/v1/dunning/cases/{household}/evidence.pdf", answer=None, permission=Permission.EXPORT_EVIDENCE, personal=True
)
async def evidence_pdf(
    household: HouseholdPath, call: Services, patience: DocumentPatience, as_of: AsOf = None
) -> Response:
    """The evidence pack as PDF; its last page states the SHA-256 of the CSV (D4)."""
    return await _evidence(call, household, "pdf", as_of, patience)


@routes.get(
    "/v1/dunning/cases/{household}/evidence.csv", answer=None, permission=Permission.EXPORT_EVIDENCE, personal=True
)
async def evidence_csv(
    household: HouseholdPath, call: Services, patience: DocumentPatience, as_of: AsOf = None
) -> Response:
    """The evidence pack as CSV (D4)."""
    return await _evidence(call, household, "csv", as_of, patience)


async def _evidence(call: Call, household: str, form: EvidenceForm, as_of: date | None, patience: float) -> Response:
    """The file out of the JSON it travels in."""
    arguments = {"household": household, "form": form, "as_of": as_of}
    pack = await call.ask("billing", "export_evidence", timeout=patience, **arguments)
    name = quote(pack["filename"], safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store"}
    return Response(base64.b64decode(pack["content"]), media_type=pack["media_type"], headers=headers)


@routes.post("/v1/notifications/{message_id}/delivered", answer=Notification, permission=Permission.CONFIRM_DELIVERY)
async def confirm_delivery(message_id: IdPath, body: ReceiptRequest, call: Services) -> Response:
    """Record the receipt of a letter, or that it came back (F4)."""
    fields = body.model_dump(mode="json")
    return await call("notifications", "confirm_delivery", message_id=message_id, **fields)
