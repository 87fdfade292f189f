"""Act four: reminders and dunning (催缴), and a complaint that holds them back until it is closed (D1–D3, H1)."""

from collections.abc import Iterator
from datetime import date, timedelta

from demo.api import DemoFailure, Json, wait_for
from demo.cases import SERVICE_COMPLAINTS
from demo.load import answer_complaint
from demo.portfolio import Household
from demo.stage import Stage, counted

SWEEP_SECONDS = 90.0
NEWS_SECONDS = 60.0
MISSING = {
    "registered": ("respond", "resolve", "close"),
    "responded": ("resolve", "close"),
    "resolved": ("close",),
}
LOOKED_AT = 100  # households that are looked at to find one for the complaint


def remind(stage: Stage) -> list[Json]:
    """The sweeps before the due date, as they will come: a reminder at −7 and at −1 days."""
    stage.act("Reminders 温馨提示 before the due date, and the next step for older debts")
    return [sweep(stage, stage.due - timedelta(days=days)) for days in (7, 1)]


def dun_with_a_complaint(stage: Stage) -> tuple[list[Json], Json]:
    """A complaint stops the ladder for its household, closing it lets it go on. Figures: sweeps, complaint."""
    stage.act("Dunning 催缴 after the due date, and a complaint that holds it (投诉暂停)")
    overdue = stage.due + timedelta(days=1)
    case = _complainant(stage, overdue)
    if case is None:
        stage.say("  every household in arrears has had this step already: no complaint to tell of in this run")
        return [sweep(stage, overdue)], {"created": 0, "closed": 0}
    household, complaint, created = case
    before = _steps(stage, household)
    held = sweep(stage, overdue)
    stage.check(f"while the complaint is open, {household} gets no further step", before, _steps(stage, household))
    _close(stage, complaint)
    wait_for(f"the hold on {household} is released", lambda: _is_free(stage, household), NEWS_SECONDS)
    stage.say("  complaint answered, solved and closed: the hold is released, and that is on the record")
    resumed = sweep(stage, overdue)
    after = _steps(stage, household)
    stage.check("the next sweep resumes the ladder for this household", True, after > before)
    again = sweep(stage, overdue)
    stage.check("the same sweep again does nothing", 0, again["actions"])
    return [held, resumed, again], {"created": int(created), "closed": 1}


def sweep(stage: Stage, as_of: date) -> Json:
    """One sweep for one day over the demo's estates. Figures: as_of, actions, held."""
    body = {"as_of": as_of.isoformat(), "estates": stage.estates}
    started = stage.finance.post("/v1/dunning/sweeps", body)["id"]

    def finished() -> Json | None:
        state = stage.finance.get(f"/v1/dunning/sweeps/{started}")
        if state["status"] == "failed":
            raise DemoFailure(f"sweep {started} failed: {state}")
        return state if state["status"] == "done" else None

    state = wait_for(f"sweep {started} is done", finished, SWEEP_SECONDS, every=0.1)
    steps, held = counted(state["actions"], "step"), counted(state["held"], "household")
    stage.say(f"  sweep for {as_of}: {steps}, {held} held back")
    return {"as_of": as_of.isoformat(), "actions": state["actions"], "held": state["held"]}


def _complainant(stage: Stage, as_of: date) -> tuple[str, str, bool] | None:
    """A household in arrears with a complaint: one that complains now, or (a later run) one that did before.

    (household, complaint, whether it was made now); None when nobody is left whose next step is still to come.
    """
    fresh = next((household for household in _debtors(stage) if _is_untouched(stage, household, as_of)), None)
    if fresh is not None:
        return fresh.code, _complain(stage, fresh), True
    return next(_held_by_complaint(stage), None)


def _debtors(stage: Stage) -> Iterator[Household]:
    """Some of those who are usually late but pay: they owe the month's bills and nothing older."""
    late = [h for part in stage.portfolio.estates for h in part.households if h.payer.name == "late_30"]
    for household in late[:LOOKED_AT]:
        bills = stage.manager.get(f"/v1/households/{household.code}/statement")["bills"]
        unpaid = [bill["due_date"] for bill in bills if bill["outstanding_fen"] > 0]  # others owe a late fee only
        if unpaid and min(unpaid) == stage.due.isoformat():
            yield household


def _is_untouched(stage: Stage, household: Household, as_of: date) -> bool:
    case = _case(stage, household.code)
    return not _standing(case) and all(step["as_of"] < as_of.isoformat() for step in case["steps"])


def _complain(stage: Stage, household: Household) -> str:
    """The complaint, and the hold it puts on the household before any sweep (D3)."""
    category, text = SERVICE_COMPLAINTS[0]
    body = {"estate": household.code.split("-")[0], "household": household.code, "category": category}
    body |= {"level": "normal", "text": text, "channel": "app"}
    complaint = stage.manager.post("/v1/complaints", body)["id"]
    wait_for(f"the complaint holds {household.code}", lambda: _hold(stage, household.code), NEWS_SECONDS)
    stage.say(f"  {household.code} complains about the service: dunning of this household stops at once")
    return str(complaint)


def _held_by_complaint(stage: Stage) -> Iterator[tuple[str, str, bool]]:
    """Open complaints of before that are all that holds their household."""
    for estate in stage.estates:
        for complaint in stage.manager.items("/v1/complaints", estate=estate):
            household = complaint["household"]
            if household and complaint["status"] != "closed" and len(_standing(_case(stage, household))) == 1:
                stage.say(f"  {household} complained some time ago; its dunning has been held since")
                yield household, complaint["id"], False


def _close(stage: Stage, complaint: str) -> None:
    """The steps that are still missing until the complaint is closed."""
    status = stage.manager.get(f"/v1/complaints/{complaint}")["status"]
    for step in MISSING[status]:
        answer_complaint(stage.manager, complaint, step)


def _case(stage: Stage, household: str) -> Json:
    return stage.manager.get(f"/v1/dunning/cases/{household}")


def _standing(case: Json) -> list[Json]:
    return [hold for hold in case["holds"] if hold["released_at"] is None]


def _hold(stage: Stage, household: str) -> Json | None:
    standing = _standing(_case(stage, household))
    return standing[0] if standing else None


def _is_free(stage: Stage, household: str) -> bool | None:
    return True if _hold(stage, household) is None else None


def _steps(stage: Stage, household: str) -> int:
    return len(_case(stage, household)["steps"])
