"""VOCABULARY of legal: the suit gate, files, limitation, consents, the evidence pack (D4)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.fields import Fen, Whole

# All there are: none cuts power, water, heat, gas, access or lift (民法典第944条).
LegalKind = Literal["lawyers_letter", "mediation", "suit", "arbitration"]
FileStatus = Literal["opened", "filed", "settled", "withdrawn", "judgment"]
RestartKind = Literal["demand", "lawyers_letter", "proceedings", "promise", "part_payment"]
EvidenceForm = Literal["pdf", "csv"]
ConditionName = Literal[
    "overdue_long_enough",
    "demand_delivered",
    "deadline_passed",
    "no_open_complaint",
    "no_performing_plan",
    "committee_urged",
    "publication_switched_on",
    "separate_consent",
]


@dataclass(frozen=True)
class Condition:
    """One condition: met, since a day where that is known, or why it is not."""

    name: ConditionName
    met: bool
    since: date | None
    why: Annotated[str, Field(description="Empty when it is met")]


class SuitGate(TypedDict):
    """The six conditions of a suit; it is open when all are met (D4)."""

    household: str
    as_of: date
    open: bool
    conditions: list[Condition]


class Publication(TypedDict):
    """Whether a debtor may be named in public: not unless switched on and consented to in particular (PIPL)."""

    household: str
    allowed: bool
    conditions: list[Condition]


class Urging(TypedDict):
    """The owners' committee (业委会) urged the household to pay, as it was recorded (D4)."""

    id: UUID
    household: str
    on: date
    reference: str
    note: str | None
    logged_by: str
    logged_at: datetime


class Consent(TypedDict):
    """A household's own separate consent to be named; it may be withdrawn at any time (PIPL)."""

    id: UUID
    household: str
    given_on: date
    reference: str
    recorded_by: str
    withdrawn_on: date | None


class LegalFileSummary(TypedDict):
    """A legal file as it stands (法务档案, D4)."""

    id: UUID
    household: str
    estate: str
    kind: LegalKind
    note: str | None
    opened_on: date
    status: FileStatus
    status_on: date
    closed_on: Annotated[date | None, Field(description="When its status became final")]


class FileStep(TypedDict):
    """A status of a file, since a day."""

    status: FileStatus
    on: date
    note: str | None
    by: str
    at: datetime


class LetterDelivery(TypedDict):
    """A lawyer's letter was received."""

    delivered_on: date
    proof: str


class LegalFile(LegalFileSummary):
    """A legal file with its history, deliveries, and the gate as it stood when it was opened."""

    gate: list[Condition]
    history: list[FileStep]
    deliveries: list[LetterDelivery]


class Limitation(TypedDict):
    """An open bill whose claim expires, and what restarted its three years (诉讼时效, D4)."""

    bill_id: Whole
    household: str
    estate: str
    building: str
    steward: str | None
    fee_item: str
    due_date: date
    outstanding_fen: Fen
    started_on: date
    restarted_on: date | None
    restarted_by: RestartKind | None
    expires_on: date
    days_left: Annotated[Whole, Field(description="0 on the last day, negative after it")]
    warn: Annotated[Whole | None, Field(description="The threshold passed last; null while far off and after the end")]


class EvidenceFile(TypedDict):
    """The evidence pack as it travels to the gateway, which answers the file itself (证据包, D4)."""

    filename: str
    media_type: str
    content: Annotated[str, Field(description="Base64")]
    sha256: Annotated[str, Field(description="Of the CSV, whichever form was asked for")]
