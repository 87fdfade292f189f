"""Messages, templates, contact preferences (F)."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from gateway.front.catching_up import when_known
from gateway.front.guard import Services
from gateway.front.routing import Routes
from gateway.resources.base import HouseholdFilter, HouseholdPath
from gateway.resources.notifications.schemas import PreferencesRequest
from gateway.resources.paging import Paging
from services.common.contracts.answers.base import Page
from services.common.contracts.answers.notifications import ContactPreferences, Notification, Template
from services.common.contracts.errors import Invalid
from services.common.domain.permissions import Permission
from services.common.fields import Code

routes = Routes("Notifications")
Recipient = Annotated[Code | None, Query(description="Code of a member of staff", examples=["S001"])]


@routes.get("/v1/notifications", answer=Page[Notification], permission=Permission.READ_MESSAGES, personal=True)
async def list_notifications(
    call: Services, page: Paging, household: HouseholdFilter = None, recipient: Recipient = None
) -> Response:
    """Messages to a household or to a member of staff, newest first."""
    if call.caller.is_owner and household is None:
        household = call.caller.household
    return await call("notifications", "list_notifications", household=household, recipient=recipient, **page)


@routes.get("/v1/notification-templates", answer=Page[Template], permission=Permission.READ_TEMPLATES)
async def list_templates(call: Services) -> Response:
    """All templates with their variables, zh-CN and en (F2)."""
    return await call("notifications", "list_templates")


@routes.get(
    "/v1/households/{household}/contact-preferences",
    answer=ContactPreferences,
    permission=Permission.READ_CONTACT_PREFERENCES,
    personal=True,
)
async def get_preferences(household: HouseholdPath, call: Services) -> Response:
    """How a household wants to be reached."""
    return await when_known(call, "notifications", "get_preferences", household=household)


@routes.put(
    "/v1/households/{household}/contact-preferences",
    answer=ContactPreferences,
    permission=Permission.SET_CONTACT_PREFERENCES,
)
async def set_preferences(household: HouseholdPath, body: PreferencesRequest, call: Services) -> Response:
    """Language, e-mail and consent per channel (F3); what is left out stays, null takes it away."""
    fields = body.model_dump(mode="json", exclude_unset=True)
    removals = [name for name, value in fields.items() if value is None]
    if not fields:
        raise Invalid("Nothing to set.", [{"loc": "body", "msg": "name at least one preference"}])
    return await when_known(call, "notifications", "set_preferences", household=household, removals=removals, **fields)
