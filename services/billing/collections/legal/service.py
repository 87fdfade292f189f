"""DOORS of legal: deliveries, the suit gate, limitation, legal files and the evidence pack (D4)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from eventlet import tpool
from pydantic import Field

from services.billing.collections.legal import files, gate
from services.billing.collections.legal.evidence import handlers as evidence
from services.billing.collections.legal.evidence.export import export
from services.billing.collections.legal.files import Step, Wanted
from services.billing.collections.legal.gate import ConsentNote, UrgingNote
from services.billing.collections.legal.limitation import handlers as limitations
from services.billing.settings import settings
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.legal import (
    Consent,
    EvidenceFile,
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
from services.common.contracts.events import MessageDelivered
from services.common.domain.access import Caller
from services.common.domain.calendar import business_date
from services.common.fields import Line
from services.common.messaging import Message, first_delivery
from services.common.paging import DEFAULT_LIMIT, Limit
from services.common.process.service import EstateService, event_handler, rpc, timer

CHECK_SECONDS = 300
Within = Annotated[int, Field(ge=0, le=366)]


class LegalDoors(EstateService):
    """Everything on the way to court."""

    @event_handler(MessageDelivered)
    def on_message_delivered(self, message: Message) -> None:
        """A dunning message is proven delivered, or failed (F4)."""
        event = MessageDelivered.parse(message)
        with self.transaction() as session:
            if first_delivery(session, message):
                gate.learn_delivery(session, event)

    @rpc
    def get_suit_gate(self, caller: Caller, household: str, as_of: date | None = None) -> SuitGate:
        """The six conditions of a suit."""
        with self.transaction() as session:
            return gate.suit_gate(session, caller, household, as_of or business_date(self.clock()))

    @rpc
    def add_committee_urging(
        self, caller: Caller, request_id: UUID, household: str, on: date, reference: Line, note: str | None = None
    ) -> Urging:
        """The owners' committee urged the household."""
        said = UrgingNote(on, reference, note)
        with self.transaction() as session:
            return gate.add_urging(session, caller, household, request_id, said, self.clock())

    @rpc
    def get_publication(self, caller: Caller, household: str) -> Publication:
        """Whether the debtor may be named in public."""
        with self.transaction() as session:
            return gate.publication(session, caller, household)

    @rpc
    def add_publication_consent(
        self, caller: Caller, request_id: UUID, household: str, given_on: date, reference: Line
    ) -> Consent:
        """The household's separate consent (PIPL)."""
        said = ConsentNote(given_on, reference)
        with self.transaction() as session:
            return gate.add_consent(session, caller, household, request_id, said, self.clock())

    @rpc
    def withdraw_publication_consent(self, caller: Caller, consent_id: UUID) -> Consent:
        """It is withdrawn."""
        with self.transaction() as session:
            return gate.withdraw_consent(session, caller, consent_id, self.clock())

    @rpc
    def open_legal_file(
        self, caller: Caller, request_id: UUID, household: str, kind: LegalKind, note: str | None = None
    ) -> LegalFile:
        """Open a file where the law allows it."""
        with self.transaction() as session:
            return files.open_file(session, caller, request_id, household, kind, note, self.clock())

    @rpc
    def change_legal_file(
        self, caller: Caller, request_id: UUID, file_id: UUID, status: FileStatus, on: date, note: str | None = None
    ) -> LegalFile:
        """Its next status."""
        step = Step(status, on, note)
        with self.transaction() as session:
            return files.change_status(session, caller, request_id, file_id, step, self.clock())

    @rpc
    def add_letter_delivery(
        self, caller: Caller, request_id: UUID, file_id: UUID, delivered_on: date, proof: Line
    ) -> LegalFile:
        """The lawyer's letter was received."""
        with self.transaction() as session:
            return files.add_delivery(session, caller, request_id, file_id, delivered_on, proof, self.clock())

    @rpc
    def get_legal_file(self, caller: Caller, file_id: UUID) -> LegalFile:
        """A file with its history."""
        with self.transaction() as session:
            return files.get_file(session, caller, file_id)

    @rpc
    def list_legal_files(
        self,
        caller: Caller,
        estate: str | None = None,
        household: str | None = None,
        kind: LegalKind | None = None,
        status: FileStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[LegalFileSummary]:
        """Files, newest first."""
        with self.transaction() as session:
            return files.list_files(session, caller, Wanted(estate, household, kind, status), limit, cursor)

    @rpc
    def list_limitations(
        self,
        caller: Caller,
        estate: str | None = None,
        within_days: Within = 180,
        expired: bool = False,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Limitation]:
        """Claims that expire soon."""
        today = business_date(self.clock())
        with self.transaction() as session:
            return limitations.list_limitations(
                session, caller, estate, within_days, limit, cursor, today, expired=expired
            )

    @timer(CHECK_SECONDS)
    def check_limitations(self) -> None:
        """Warn of claims that run out, estate by estate, once a day over all replicas."""
        limitations.check_all(self.transaction, self.clock)

    @rpc
    def export_evidence(
        self, caller: Caller, household: str, form: EvidenceForm, as_of: date | None = None
    ) -> EvidenceFile:
        """The evidence pack; made in a thread, with no transaction open, so that others are served meanwhile."""
        with self.transaction() as session:
            pack = evidence.gather(session, caller, household, as_of or business_date(self.clock()))
        file: EvidenceFile = tpool.execute(export, pack, form, settings().evidence_seconds)
        return file
