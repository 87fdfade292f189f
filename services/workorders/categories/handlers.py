"""STORY of categories: list them, replace them (G1, G2)."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.common.contracts.answers.base import Page
from services.common.contracts.answers.work_orders import WorkOrderCategory
from services.common.contracts.errors import Invalid
from services.common.domain.access import Caller
from services.common.domain.permissions import Permission
from services.workorders.categories import rules, tables
from services.workorders.categories.rules import Category


def list_categories(session: Session, caller: Caller) -> Page[WorkOrderCategory]:
    """What work may be asked for, with all words that mean it. Forbidden."""
    caller.require(Permission.READ_WORK_ORDERS)
    return Page(items=[_view(category) for category in tables.categories(session)], next_cursor=None)


def set_categories(session: Session, caller: Caller, new: Sequence[Category]) -> Page[WorkOrderCategory]:
    """Replace the group's list; orders of a category that is taken out keep it. Forbidden, Invalid."""
    caller.require(Permission.SET_WORK_ORDER_CATEGORIES)
    caller.require_every_estate()
    if findings := rules.problems(new):
        raise Invalid("The categories are not valid.", findings)
    tables.replace_categories(session, new)
    return list_categories(session, caller)


def _view(category: Category) -> WorkOrderCategory:
    return WorkOrderCategory(
        code=category.code,
        zh=category.zh,
        en=category.en,
        synonyms=list(category.synonyms),
        skill=category.skill,
        holds_dunning=category.holds_dunning,
        emergency=category.emergency,
    )
