"""Answers put together from several services; a part is null when its service did not answer (I2)."""

from typing_extensions import TypedDict

from gateway.resources.base import Degraded
from services.common.contracts.answers.bills import Statement
from services.common.contracts.answers.complaints import Complaint, EstateComplaintFigures, GroupComplaintFigures
from services.common.contracts.answers.dunning import DunningCase
from services.common.contracts.answers.notifications import Notification
from services.common.contracts.answers.payments import EstatePaymentFigures, Payment, PaymentFigures
from services.common.contracts.answers.portfolio import Household
from services.common.contracts.answers.rates import EstateFigures, GroupFigures
from services.common.contracts.answers.work_orders import EstateOrderFigures, GroupOrderFigures, WorkOrder


class Overview(TypedDict):
    """The household at a glance, the newest twenty of each list (I1)."""

    household: str
    owner: Household | None
    statement: Statement | None
    payments: list[Payment] | None
    dunning: DunningCase | None
    work_orders: list[WorkOrder] | None
    complaints: list[Complaint] | None
    messages: list[Notification] | None
    degraded: Degraded


class GroupDashboard(TypedDict):
    """Collection, payments, orders and complaints over the caller's estates."""

    collection: GroupFigures | None
    payments: PaymentFigures | None
    work_orders: GroupOrderFigures | None
    complaints: GroupComplaintFigures | None
    degraded: Degraded


class EstateDashboard(TypedDict):
    """The same for one estate."""

    estate: str
    collection: EstateFigures | None
    payments: EstatePaymentFigures | None
    work_orders: EstateOrderFigures | None
    complaints: EstateComplaintFigures | None
    degraded: Degraded
