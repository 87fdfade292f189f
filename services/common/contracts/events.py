"""VOCABULARY: every event that crosses from one service to another.

Amounts are integer fen, dates are Asia/Shanghai business days, instants carry an offset. Personal data appears in
`ContactsRegistered` and `StaffRegistered` only, whose readers deliver messages. Batches hold at most `BATCH` entries.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.common.contracts.base import Event, Part

BATCH = 500


# --- billing: who lives where (A1) -------------------------------------------------------------------------------


class EstateEntry(Part):
    """One estate as other services know it."""

    estate: str
    name: str
    region: str


class EstatesRegistered(Event):
    """Estates were imported or changed; the entry replaces what the reader knew of it."""

    NAME, SOURCE = "estates_registered", "billing"
    AUDIENCE = ("payments", "notifications", "workorders", "feedback")
    estates: list[EstateEntry]


class HouseholdEntry(Part):
    """Where a household lives; nothing about who it is."""

    household: str
    unit: str
    building: str


class HouseholdsRegistered(Event):
    """Households were imported or changed. A household with several units appears with the first of them."""

    NAME, SOURCE = "households_registered", "billing"
    AUDIENCE = ("payments", "workorders", "feedback")
    estate: str
    households: list[HouseholdEntry]


class ContactEntry(Part):
    """Personal data: how the payer is reached."""

    household: str
    building: str
    name: str
    phone: str
    email: str | None = None
    language: Literal["zh-CN", "en"] = "zh-CN"


class ContactsRegistered(Event):
    """How to reach the payer of each household. Personal data: for the service that delivers messages, no other."""

    NAME, SOURCE = "contacts_registered", "billing"
    AUDIENCE = ("notifications",)
    estate: str
    contacts: list[ContactEntry]


class StaffEntry(Part):
    """One member of staff."""

    staff: str
    name: str
    role: str
    estate: str
    buildings: list[str] = []
    skills: list[str] = []
    phone: str = ""


class StaffRegistered(Event):
    """Staff were imported or changed; `buildings` are the steward's (首问负责, A4), `skills` a technician's."""

    NAME, SOURCE = "staff_registered", "billing"
    AUDIENCE = ("notifications", "workorders", "feedback")
    staff: list[StaffEntry]


# --- billing: money (B, C, D) ------------------------------------------------------------------------------------


class IssuedBill(Part):
    """`open_fen` is what is left of `amount_fen` after prepaid credit was applied at issue (B6)."""

    bill_id: int
    household: str
    amount_fen: int
    open_fen: int


class BillsIssued(Event):
    """Bills of one estate, fee item, period and due date were issued (B4)."""

    NAME, SOURCE = "bills_issued", "billing"
    AUDIENCE = ("workorders",)
    run_id: UUID | None
    estate: str
    fee_item: str
    period: str
    due_date: date
    bills: list[IssuedBill]


class AdjustedBill(Part):
    """How the open principal of one bill changed for another reason than a payment; negative: less is owed."""

    bill_id: int
    household: str
    due_date: date
    open_change_fen: int


class BillsAdjusted(Event):
    """Bills of one estate were voided or waived, credit was applied, or principal was restored (B5, B6, C2, E4)."""

    NAME, SOURCE = "bills_adjusted", "billing"
    AUDIENCE = ("workorders",)
    estate: str
    reason: Literal["void", "waiver", "restoration", "credit"]
    bills: list[AdjustedBill]


class Allocation(Part):
    """What one bill got of a payment."""

    bill_id: int
    fee_item: str
    period: str
    due_date: date
    principal_fen: int
    late_fee_fen: int


class PaymentAllocated(Event):
    """A settled payment was posted and applied to bills (B9); the rest became credit (B6). No part is negative.

    Payments that had to make room for it are told apart, by `payment_reallocated`.
    """

    NAME, SOURCE = "payment_allocated", "billing"
    AUDIENCE = ("payments", "notifications", "workorders")
    payment_id: UUID
    household: str
    estate: str
    channel: str
    amount_fen: int
    business_date: date
    allocations: list[Allocation]
    credit_fen: int


class PaymentReallocated(Event):
    """A payment that was applied before lies elsewhere now, because one that counts before it came later (B9).

    `allocations` and `credit_fen` are all of it as it is now; `revision` counts from 1, and the highest is the last
    word, whatever comes first. `adjustments`: by how much the open principal of bills changed by its move.
    """

    NAME, SOURCE = "payment_reallocated", "billing"
    AUDIENCE = ("payments", "notifications", "workorders")
    payment_id: UUID
    revision: int
    household: str
    estate: str
    channel: str
    amount_fen: int
    business_date: date
    allocations: list[Allocation]
    credit_fen: int
    adjustments: list[AdjustedBill]


class MonthClosed(Event):
    """The books of an estate take no more postings up to `last_day`: no payment is back-dated into them (B8)."""

    NAME, SOURCE, AUDIENCE = "month_closed", "billing", ("payments",)
    estate: str
    last_day: date


class DunningItem(Part):
    """One step of the ladder for one household. `cause` is unique per step and oldest bill (F4).

    What is claimed is `overdue_fen` and `late_fee_fen` less `credit_fen`, of these fee items of these units.
    """

    household: str
    building: str
    cause: str
    step: str
    kind: Literal["message", "task"]
    template: str
    channels: list[str]
    steward: str | None
    due_date: date
    overdue_days: int
    overdue_fen: int
    late_fee_fen: int
    deadline: date | None = None
    credit_fen: int = 0
    fee_items: list[str] = []
    units: list[str] = []


class DunningStepsDue(Event):
    """A sweep decided that these steps of the ladder are due (D1). Holds were honoured before (D3)."""

    NAME, SOURCE = "dunning_steps_due", "billing"
    AUDIENCE = ("notifications",)
    sweep_id: UUID
    estate: str
    as_of: date
    items: list[DunningItem]


class DunningWithdrawn(Event):
    """Something holds a household's escalation since an instant: what was decided before and is not sent, stays
    unsaid (D3). `reason` as in the holds of its case. A reminder before the due date urges nobody and goes on."""

    NAME, SOURCE, AUDIENCE = "dunning_withdrawn", "billing", ("notifications",)
    household: str
    estate: str
    reason: str
    withdrawn_at: datetime


class CollectionBelowPlan(Event):
    """An estate fell behind its collection plan: at the end of `day`, of bills due in the month `period` (J3)."""

    NAME, SOURCE = "collection_below_plan", "billing"
    AUDIENCE = ("notifications",)
    estate: str
    period: str
    day: date
    planned_rate: Decimal
    billed_fen: int
    collected_fen: int
    missing_fen: int


class LimitationItem(Part):
    """One bill whose limitation period (诉讼时效) runs out. `cause` is unique per bill, expiry and threshold (F4)."""

    household: str
    building: str
    cause: str
    bill_id: int
    steward: str | None
    due_date: date
    outstanding_fen: int
    expires_on: date
    days_left: int
    threshold: int


class LimitationWarned(Event):
    """Claims of one estate expire within 180, 90 or 30 days: somebody has to act (D4)."""

    NAME, SOURCE = "limitation_warned", "billing"
    AUDIENCE = ("notifications",)
    estate: str
    as_of: date
    items: list[LimitationItem]


# --- billing to itself: work spread over the broker (B4, D1) -----------------------------------------------------


class BillRunSliceRequested(Event):
    """Slices of a bill run wait for any billing replica; taking them twice bills once (B4).

    Small estates come several at a time: `more` are the slices beside the first.
    """

    NAME, SOURCE, AUDIENCE = "bill_run_slice_requested", "billing", ("billing",)
    run_id: UUID
    slice_id: int
    more: list[int] = []


class SweepSliceRequested(Event):
    """One slice of a dunning sweep waits for any billing replica (D1)."""

    NAME, SOURCE, AUDIENCE = "sweep_slice_requested", "billing", ("billing",)
    sweep_id: UUID
    slice_id: int


# --- notifications (F) -------------------------------------------------------------------------------------------


class MessageDelivered(Event):
    """A dunning message reached the household, or could not; what was said stays with who said it (F4, D4).

    `stated_on` is the business day the message speaks of, `deadline` the one it sets. `proof` is the provider's receipt
    or the tracking number of the letter; of several facts about one message the last recorded counts.
    """

    NAME, SOURCE, AUDIENCE = "message_delivered", "notifications", ("billing",)
    message_id: UUID
    household: str
    estate: str
    cause: str
    template: str
    channel: str
    outcome: Literal["delivered", "failed"]
    stated_on: date
    delivered_on: date
    deadline: date | None = None
    proof: str
    recorded_at: datetime


# --- payments (E) ------------------------------------------------------------------------------------------------


class PaymentStarted(Event):
    """A payment is in flight: escalation waits for its outcome, if it pays enough of what is due (D3)."""

    NAME, SOURCE, AUDIENCE = "payment_started", "payments", ("billing",)
    payment_id: UUID
    household: str
    estate: str
    amount_fen: int
    expires_at: datetime
    bill_ids: list[int] = []


class Backdating(Part):
    """Who dated money back further than the estate's policy lets the desk, and why, if it was said (E3)."""

    by: str
    reason: str | None = None


class PaymentSettled(Event):
    """Money has arrived, once per (channel, transaction id) (E2); `business_date` is the channel's Shanghai day.

    `backdating` is there when the money was dated back beyond policy: the closing of that month lists it.
    """

    NAME, SOURCE, AUDIENCE = "payment_settled", "payments", ("billing",)
    payment_id: UUID
    household: str
    estate: str
    channel: str
    transaction_id: str
    amount_fen: int
    bill_ids: list[int]
    settled_at: datetime
    business_date: date
    backdating: Backdating | None = None


class PaymentExpired(Event):
    """A payment order ended without money; the escalation it held may go on (D3)."""

    NAME, SOURCE, AUDIENCE = "payment_expired", "payments", ("billing",)
    payment_id: UUID
    household: str
    estate: str


# --- workorders (G) ----------------------------------------------------------------------------------------------


class WorkOrderOpened(Event):
    """An order was created. `holds_dunning` is the order policy's answer to "is this about our service" (D3)."""

    NAME, SOURCE, AUDIENCE = "work_order_opened", "workorders", ("billing",)
    work_order_id: UUID
    estate: str
    building: str | None
    household: str | None
    category: str
    priority: str
    holds_dunning: bool
    opened_at: datetime


class WorkOrderReopened(Event):
    """A completed order was sent back by the owner (返工)."""

    NAME, SOURCE, AUDIENCE = "work_order_reopened", "workorders", ("billing",)
    work_order_id: UUID
    estate: str
    household: str | None
    holds_dunning: bool
    reopened_at: datetime


class WorkOrderFinished(Event):
    """An order ended: confirmed by the owner, or cancelled. A confirmed one is rated next (H3)."""

    NAME, SOURCE, AUDIENCE = "work_order_finished", "workorders", ("billing", "feedback")
    work_order_id: UUID
    estate: str
    building: str | None
    household: str | None
    category: str
    outcome: Literal["confirmed", "cancelled"]
    technician: str | None
    finished_at: datetime


class WorkOrderSlaAlarm(Event):
    """A clock of an order reached 80 % (warning) or its limit (breach); goes to `role` of the estate (G2)."""

    NAME, SOURCE, AUDIENCE = "work_order_sla_alarm", "workorders", ("notifications",)
    work_order_id: UUID
    estate: str
    category: str
    stage: Literal["respond", "resolve"]
    level: Literal["warning", "breach"]
    role: str
    due_at: datetime


# --- feedback (H) ------------------------------------------------------------------------------------------------


class ComplaintOpened(Event):
    """A complaint was registered. `holds_dunning`: it is about our service, so we stop urging for money (D3)."""

    NAME, SOURCE, AUDIENCE = "complaint_opened", "feedback", ("billing",)
    complaint_id: UUID
    estate: str
    building: str | None
    household: str | None
    category: str
    level: str
    holds_dunning: bool
    opened_at: datetime


class ComplaintAnswered(Event):
    """The complainant gets an answer (responded), a result (resolved) or the closing word (closed)."""

    NAME, SOURCE, AUDIENCE = "complaint_answered", "feedback", ("notifications",)
    complaint_id: UUID
    estate: str
    household: str | None
    stage: Literal["responded", "resolved", "closed"]


class ComplaintClosed(Event):
    """The complaint is closed; dunning may go on at the right step (D3)."""

    NAME, SOURCE, AUDIENCE = "complaint_closed", "feedback", ("billing",)
    complaint_id: UUID
    estate: str
    household: str | None
    closed_at: datetime


class ComplaintReopened(Event):
    """A closed complaint was opened again."""

    NAME, SOURCE, AUDIENCE = "complaint_reopened", "feedback", ("billing",)
    complaint_id: UUID
    estate: str
    household: str | None
    holds_dunning: bool
    reopened_at: datetime


class ComplaintSlaAlarm(Event):
    """A target clock warns, a target is missed (escalate) or a commitment is broken (breach) (H2)."""

    NAME, SOURCE, AUDIENCE = "complaint_sla_alarm", "feedback", ("notifications",)
    complaint_id: UUID
    estate: str
    category: str
    stage: Literal["respond", "resolve"]
    clock: Literal["target", "commitment"]
    level: Literal["warning", "escalation", "breach"]
    role: str
    due_at: datetime


class RatingInvited(Event):
    """The household of a finished order is asked to rate it (回访); one answer per invitation (H3)."""

    NAME, SOURCE, AUDIENCE = "rating_invited", "feedback", ("notifications",)
    survey_id: UUID
    work_order_id: UUID
    estate: str
    household: str


EVENTS: tuple[type[Event], ...] = tuple(sorted(Event.__subclasses__(), key=lambda event: event.NAME))
