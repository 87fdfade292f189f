"""Suit gate, legal files, limitation and receipts of letters over HTTP (D4, F4)."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from gateway.resources.base import example, shown
from services.common.fields import BillId, Code, Day, Line, Note

Kind = Literal["lawyers_letter", "mediation", "suit", "arbitration"]


FileStatus = Literal["opened", "filed", "settled", "withdrawn", "judgment"]


ID = "0a6c2f7e-1d43-4b8e-9a52-7c1f8f3b6d10"


MET = {"name": "overdue_long_enough", "met": True, "since": "2026-10-15", "why": ""}


UNMET = {
    "name": "committee_urged",
    "met": False,
    "since": None,
    "why": "no urging by the owners' committee is on record",
}


class SuitGate(BaseModel):
    """The six conditions of a suit; it is open when all are met (D4)."""

    model_config = shown(household="GZ01-1-0101", as_of="2026-11-20", open=False, conditions=[MET, UNMET])
    household: str
    as_of: date
    open: bool
    conditions: list[Any]


class UrgingRequest(BaseModel):
    """The owners' committee (业委会) urged the household to pay (D4)."""

    model_config = example(on="2026-11-10", reference="业委会〔2026〕3号", note="letter in the mail box")
    on: Day
    reference: Line
    note: Note | None = None


class Urging(BaseModel):
    """The urging as it was recorded."""

    model_config = shown(
        id=ID, household="GZ01-1-0101", on="2026-11-10", reference="业委会〔2026〕3号", logged_by="M001"
    )
    id: UUID


class LegalFileRequest(BaseModel):
    """Open a legal file. These kinds are all there are: nothing cuts power, water, heat, gas, access or lift."""

    model_config = example(household="GZ01-1-0101", kind="suit", note="district court")
    household: Code
    kind: Kind
    note: Note | None = None


class LegalFile(BaseModel):
    """A legal file and, when asked for by itself, its history, deliveries and the gate as it stood."""

    model_config = shown(
        id=ID, household="GZ01-1-0101", estate="GZ01", kind="suit", note="district court", opened_on="2026-11-20",
        status="filed", status_on="2026-11-21", closed_on=None, gate=[MET],
        history=[{"status": "opened", "on": "2026-11-20", "note": None, "by": "M001", "at": "2026-11-20T02:00:00Z"}],
        deliveries=[],
    )  # fmt: skip
    id: UUID
    kind: str
    status: str


class FileStatusRequest(BaseModel):
    """The next status of a file, on the day it happened."""

    model_config = example(status="filed", on="2026-11-21", note="(2026)粤01民初1号")
    status: FileStatus
    on: Day
    note: Note | None = None


class LetterDeliveryRequest(BaseModel):
    """A lawyer's letter was received; it restarts limitation."""

    model_config = example(delivered_on="2026-11-21", proof="EMS1234567890CN")
    delivered_on: Day
    proof: Line


class ReceiptRequest(BaseModel):
    """A letter, or what staff handed over, was received, or came back (F4)."""

    model_config = example(delivered_on="2026-11-21", proof="EMS1234567890CN", outcome="delivered")
    delivered_on: Day
    proof: Line
    outcome: Literal["delivered", "failed"] = "delivered"


class Publication(BaseModel):
    """Whether a debtor may be named in public: not unless switched on and consented to in particular (PIPL)."""

    model_config = shown(
        household="GZ01-1-0101",
        allowed=False,
        conditions=[{"name": "separate_consent", "met": False, "since": None, "why": "no separate consent"}],
    )
    household: str
    allowed: bool


class ConsentRequest(BaseModel):
    """The household's own separate consent to be named."""

    model_config = example(given_on="2026-11-10", reference="单独同意书 2026-7")
    given_on: Day
    reference: Line


class Consent(BaseModel):
    """A consent; it may be withdrawn at any time."""

    model_config = shown(id=ID, household="GZ01-1-0101", given_on="2026-11-10", reference="…", withdrawn_on=None)
    id: UUID


class Limitation(BaseModel):
    """An open bill whose claim expires, and what restarted its three years (D4)."""

    model_config = shown(
        bill_id=48211, household="GZ01-1-0101", estate="GZ01", building="1", steward="S001", fee_item="property_fee",
        due_date="2023-12-15", outstanding_fen=31814, started_on="2023-12-16", restarted_on=None, restarted_by=None,
        expires_on="2026-12-15", days_left=25, warn=30,
    )  # fmt: skip
    bill_id: BillId
    expires_on: date
    days_left: int
