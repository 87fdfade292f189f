"""Act one: the bill run (出账) of the last full month (B4)."""

from collections import Counter
from datetime import date

from demo.api import DemoFailure, Json, wait_for
from demo.figures import rate
from demo.stage import Stage, counted, money

RUN_SECONDS = 90.0
EXPECTED = frozenset({"already_billed", "due_date_moved"})


def bill_the_month(stage: Stage) -> Json:
    """Dry run, then the run; a second time there is nothing left to bill. Figures: bills, billed_fen, …"""
    stage.act(f"Bill run 出账 for {stage.period}")
    before = rate(stage.finance, stage.estates, stage.period)
    dry = _run(stage, dry_run=True)
    unusual = _unusual(dry)
    stage.say(f"  dry run: {dry['bills']:,} bills, {money(dry['amount_fen'])}; {_listing(unusual)}")
    if dry["bills"] == 0:
        stage.say("  the month has been billed before: nothing is left to bill")
    run = _run(stage, dry_run=False, progress=True)
    again = _run(stage, dry_run=False)
    _learn_due_date(stage)
    after = rate(stage.finance, stage.estates, stage.period)
    where = counted(run["estates_total"], "estate")
    stage.say(f"  issued: {counted(run['bills'], 'new bill')}, {money(run['amount_fen'])} in {where}")
    stage.say(f"  the month stands at {money(after.billed_fen)} billed, {after} collected")
    stage.check("the run issued what the dry run announced", dry["bills"], run["bills"])
    stage.check("the same run again issues 0 bills", 0, again["bills"])
    stage.check("billed grew by exactly the run's amount", run["amount_fen"], after.billed_fen - before.billed_fen)
    return {
        "bills": run["bills"],
        "billed_fen": run["amount_fen"],
        "month_billed_fen": after.billed_fen,
        "bills_by_second_run": again["bills"],
        "anomalies": unusual.total(),
    }


def _learn_due_date(stage: Stage) -> None:
    """Whoever bills a month late gives its owners some days of notice nevertheless: a bill says until when (B3)."""
    household = stage.portfolio.estates[0].households[0].code
    bills = stage.finance.items(f"/v1/households/{household}/bills")
    stage.due = date.fromisoformat(next(bill["due_date"] for bill in bills if bill["period"] == stage.period))
    stage.say(f"  due on {stage.due}")


def _run(stage: Stage, *, dry_run: bool, progress: bool = False) -> Json:
    body = {"period": stage.period, "estates": stage.estates, "dry_run": dry_run}
    run = stage.finance.post("/v1/bill-runs", body)["id"]
    seen = -1

    def finished() -> Json | None:
        nonlocal seen
        state = stage.finance.get(f"/v1/bill-runs/{run}")
        if progress and state["estates_done"] > seen:
            seen = state["estates_done"]
            stage.say(f"  … {seen}/{state['estates_total']} estates, {state['bills']:,} bills")
        if state["status"] == "failed":
            raise DemoFailure(f"bill run {run} failed: {state}")
        return state if state["status"] == "done" else None

    return wait_for(f"bill run {run} is done", finished, RUN_SECONDS, every=0.1)


def _unusual(run: Json) -> Counter[str]:
    """What a person should look at before the run, by kind. That bills are there, or late, is no surprise in a demo."""
    return Counter(found["kind"] for found in run["anomalies"] if found["kind"] not in EXPECTED)


def _listing(unusual: Counter[str]) -> str:
    kinds = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(unusual.items()))
    return f"to look at: {kinds}" if kinds else "nothing unusual"
