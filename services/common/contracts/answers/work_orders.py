"""VOCABULARY of work orders: an order with its clocks and history, and how an estate's orders stand (G)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.common.contracts.answers.sla import Outcome, StageCounts, StageShares
from services.common.fields import Fen, Whole

Priority = Literal["low", "normal", "high", "urgent", "emergency"]
OrderStatus = Literal["created", "dispatched", "accepted", "arrived", "paused", "completed", "confirmed", "cancelled"]
OrderAction = Literal["dispatch", "accept", "arrive", "pause", "resume", "complete", "confirm", "reopen", "cancel"]


class WorkOrderCategory(TypedDict):
    """What work may be asked for (G1); any of its words in a request means it, however it is spelled."""

    code: str
    zh: Annotated[str, Field(description="Its name in Chinese")]
    en: Annotated[str, Field(description="Its name in English")]
    synonyms: Annotated[list[str], Field(description="Other words for the same; case, spaces, hyphens do not matter")]
    skill: Annotated[str | None, Field(description="What a technician needs for it; null: nothing special")]
    holds_dunning: Annotated[bool, Field(description="An open order of a household stops urging it (D3)")]
    emergency: Annotated[bool, Field(description="Its limits are those of an emergency (G2)")]


class OrderStep(TypedDict):
    """One line of an order's history."""

    action: Literal["create"] | OrderAction
    from_status: Annotated[OrderStatus | None, Field(description="null: the order was created")]
    to_status: OrderStatus
    by: Annotated[str, Field(description="Who was signed in")]
    at: datetime
    technician: Annotated[str | None, Field(description="Code of who has the order after the step")]
    note: Annotated[str | None, Field(description="What was said, and why this technician was chosen (G3)")]


class WorkOrder(TypedDict):
    """An order with its clocks (G1, G2)."""

    id: UUID
    estate: str
    building: str | None
    household: Annotated[str | None, Field(description="null: about a public place")]
    category: Annotated[str, Field(description="Its code; of an old order perhaps a word that is no category")]
    priority: Priority
    description: str
    place: str | None
    status: OrderStatus
    technician: str | None
    created_at: datetime
    respond_by: datetime
    resolve_by: Annotated[datetime, Field(description="Stands still while paused: then, if work went on now")]
    responded_at: datetime | None
    resolved_at: datetime | None
    respond_overdue: bool
    resolve_overdue: bool
    respond_outcome: Outcome | None
    resolve_outcome: Outcome | None
    round: Annotated[Whole, Field(description="1, and one more each time the owner sent it back (返工)")]
    arrears_fen: Annotated[Fen, Field(description="Overdue principal today, for information only (G4)")]
    arrears_note: Annotated[str | None, Field(description="The same in words; null: nothing is overdue")]


class WorkOrderRecord(WorkOrder):
    """An order with its history, oldest step first."""

    history: list[OrderStep]


class OrderFigures(TypedDict):
    """Open orders, what is late now, share in time of what was done lately (J2)."""

    open: Whole
    overdue: StageCounts
    within_limit: StageShares
    window_days: Annotated[Whole, Field(description="The days `within_limit` looks back")]


class EstateOrderFigures(OrderFigures):
    """The same for one estate."""

    estate: str


class GroupOrderFigures(OrderFigures):
    """The same over all estates in the caller's scope, and one by one."""

    estates: list[EstateOrderFigures]
