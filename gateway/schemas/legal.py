"""Suit gate, legal files, limitation, evidence, closure programme, receipts of letters."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from gateway.schemas.base import NO_NUL, Code, Day, Instant, Note, example, shown

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]
Kind = Literal["lawyers_letter", "mediation", "suit", "arbitration"]
FileStatus = Literal["opened", "filed", "settled", "withdrawn", "judgment"]
CaseStatus = Literal["active", "paused", "closed"]
Outcome = Literal["promised", "fixed", "refused", "not_reached", "service_problem", "cancelled"]
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
    bill_id: int
    expires_on: date
    days_left: int


class ProgrammeRequest(BaseModel):
    """Enrol an estate's arrears of more than a year (D6); a second run enrols only new ones."""

    model_config = example(estate="GZ01", as_of="2026-11-20")
    estate: Code
    as_of: Day | None = None


class Programme(BaseModel):
    """What a run enrolled."""

    model_config = shown(id=ID, estate="GZ01", as_of="2026-11-20", enrolled=12, bills=97)
    id: UUID
    enrolled: int


class Progress(BaseModel):
    """How far an estate's closure programme is."""

    model_config = shown(
        estate="GZ01", enrolled=12, active=7, paused=2, closed=3, enrolled_fen=4500000, recovered_fen=1200000,
        open_fen=3300000, by_stage={"steward": 6, "manager": 3},
    )  # fmt: skip
    estate: str


class ProgressList(BaseModel):
    """One row per estate."""

    items: list[Progress]


class ClosureCase(BaseModel):
    """A household in the closure programme."""

    model_config = shown(
        household="GZ01-1-0101", estate="GZ01", building="1", steward="S001", cause="unknown", stage="steward",
        enrolled_on="2026-11-20", stage_since="2026-11-20", stage_due_on="2026-12-04", overdue=False, status="active",
        paused_by=[], enrolled_fen=318140, recovered_fen=0, open_fen=318140,
    )  # fmt: skip
    household: str
    stage: str
    status: str


class AppointmentRequest(BaseModel):
    """When and where who meets the owner: 08:00–21:00 on any day of the week, under the cap."""

    model_config = example(at="2026-11-22T19:30:00+08:00", place="at the owner's door", who="S001")
    at: Instant
    place: Line
    who: Line


class Appointment(BaseModel):
    """An appointment and, once it took place, how it went."""

    model_config = shown(
        id=ID, household="GZ01-1-0101", at="2026-11-22T19:30:00+08:00", place="at the owner's door", who="S001",
        stage="steward", made_by="S001", outcome="refused", note=None, case_stage="manager", advanced=True,
    )  # fmt: skip
    id: UUID
    at: datetime


class OutcomeRequest(BaseModel):
    """How a meeting went; the case may move on by it."""

    model_config = example(outcome="refused", note="wants the lift repaired first")
    outcome: Outcome
    note: Note | None = None
