"""Suit gate, legal files, limitation and receipts of letters over HTTP (D4, F4)."""

from typing import Literal

from pydantic import BaseModel

from gateway.resources.base import example
from services.common.contracts.answers.legal import FileStatus, LegalKind
from services.common.fields import Code, Day, Line, Note


class UrgingRequest(BaseModel):
    """The owners' committee (业委会) urged the household to pay (D4)."""

    model_config = example(on="2026-11-10", reference="业委会〔2026〕3号", note="letter in the mail box")
    on: Day
    reference: Line
    note: Note | None = None


class LegalFileRequest(BaseModel):
    """Open a legal file. These kinds are all there are: nothing cuts power, water, heat, gas, access or lift."""

    model_config = example(household="GZ01-1-0101", kind="suit", note="district court")
    household: Code
    kind: LegalKind
    note: Note | None = None


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


class ConsentRequest(BaseModel):
    """The household's own separate consent to be named."""

    model_config = example(given_on="2026-11-10", reference="单独同意书 2026-7")
    given_on: Day
    reference: Line
