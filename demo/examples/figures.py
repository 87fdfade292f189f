"""A plan of collection that an estate falls behind, and a model of risk trained on the portfolio (D7, J3)."""

from datetime import timedelta

from demo.api import Json, wait_for
from demo.examples.charging import LIGHT, month_before
from demo.examples.receivables import OPENING
from demo.examples.walk import PATIENCE_SECONDS, Walk, home_of
from services.common.domain.calendar import format_period


def fall_behind_a_plan(walk: Walk) -> None:
    """Nearly everything should be in at the end of a month: the estate is warned of."""
    _bring_in_what_is_due(walk)
    walk.stage.finance.put("/v1/collection-targets", {"estate": walk.estate, "rate": 0.99})
    wait_for("a warning is raised", lambda: _warnings(walk), PATIENCE_SECONDS)


def _bring_in_what_is_due(walk: Walk) -> None:
    """A bill of before that fell due in the month of yesterday: the month that the demo bills is due later (FM10)."""
    unit, due = home_of(walk.part, walk.debtors[0]).code, (walk.stage.today - timedelta(days=1)).replace(day=1)
    row = f"{walk.estate},{unit},{LIGHT},{format_period(month_before(walk))},860.00,{due}"
    walk.stage.finance.upload("/v1/imports/opening_balances", f"{OPENING}\n{row}\n")


def _warnings(walk: Walk) -> list[Json] | None:
    found: list[Json] = walk.stage.finance.get(
        "/v1/warnings", estate=walk.estate, kind="collection_below_plan", limit=1
    )["items"]
    return found or None


def train_a_model(walk: Walk) -> None:
    """A model of this portfolio, by which its households are scored anew."""
    training = walk.stage.admin.post("/v1/risk/trainings", {})["id"]
    wait_for("a model is trained", lambda: _trained(walk, training), PATIENCE_SECONDS)
    wait_for("households are scored", lambda: _scores(walk), PATIENCE_SECONDS)


def _trained(walk: Walk, training: str) -> Json | None:
    state = walk.stage.admin.get(f"/v1/risk/trainings/{training}")
    return state if state["status"] in ("done", "failed") else None


def _scores(walk: Walk) -> list[Json] | None:
    return walk.stage.admin.get("/v1/risk", estate=walk.estate, limit=1)["items"] or None
