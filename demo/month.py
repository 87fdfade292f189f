"""One month in the life of the demo portfolio, lived through the public API and told with its figures.

Acts: bill run → reminders → one bill worked out → payments over the desk, POS and WeChat → receipts → work orders →
complaint and dunning → dashboards. A second run on the same stack bills nothing new and lets other households pay.

`--json FILE` writes every figure, so that a test can compute it again from the ledger:

    period, due_date, estates      the month that was billed, its due date, the estates the story is about
    bills                          bills this run issued; bills_by_second_run: by the same run started again (0)
    billed_fen, month_billed_fen   what this run billed; all that is billed for the month
    arithmetic                     {bill, amount_fen} of a bill worked out, {days_late, late_fee_fen} of a late one
    payments                       {channel: {count, amount_fen}}; paid_fen is their sum
    notified_twice, forged_refused WeChat payments notified twice; forged notifications refused
    collected_fen, late_fee_fen, credit_fen   what became of paid_fen: principal, late fees, customers' credit
    rate_before, rate_after        collection rate (0–1) of the month before and after the payments
    month_collected_before_fen, month_collected_fen   the collected money of these two; rate_overall: all months, after
    sweeps                         [{as_of, actions, held}] in the order they ran
    receipts, orders, complaints   see service.py and dunning.py
    trial_balance                  {difference_fen} at the end
    checks                         [{what, held}]; the exit code is 1 unless all held
"""

import json
from pathlib import Path
from unicodedata import east_asian_width

from demo.api import Api, Json
from demo.arithmetic import show_the_arithmetic
from demo.bills import bill_the_month
from demo.dunning import dun_with_a_complaint, remind
from demo.figures import Snapshot, take
from demo.load import describe
from demo.payments import PAYERS, take_payments
from demo.service import check_receipts, work_orders
from demo.stage import Stage, counted, money, set_stage


def month(api: Api, json_file: Path | None = None, payers: int = PAYERS) -> bool:
    """Tells the month; False when a figure did not add up. DemoFailure when the story cannot go on."""
    stage = set_stage(api, lambda line: print(line, flush=True))
    stage.say(f"EstateLoop: one month of {describe(stage.portfolio)}; today is {stage.today}")
    figures = live(stage, payers)
    _summary(stage, figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        stage.say(f"figures written to {json_file}")
    return all(held for _, held in stage.checks)


def live(stage: Stage, payers: int) -> Json:
    """The acts in order; their figures in one object."""
    figures: Json = {"period": stage.period, "estates": stage.estates} | bill_the_month(stage)
    figures["due_date"] = stage.due.isoformat()
    sweeps = remind(stage)
    figures["arithmetic"] = show_the_arithmetic(stage)
    before = take(stage)
    payments, paid, after = take_payments(stage, before, payers)
    figures |= payments | _rates(before, after)
    figures["receipts"] = check_receipts(stage, paid)
    figures["orders"] = work_orders(stage)
    later, figures["complaints"] = dun_with_a_complaint(stage)
    figures["sweeps"] = sweeps + later
    figures["trial_balance"] = _look_around(stage, paid[0].household if paid else None)
    return figures | {"checks": [{"what": what, "held": held} for what, held in stage.checks]}


def _rates(before: Snapshot, after: Snapshot) -> Json:
    return {
        "rate_before": before.month.rate,
        "rate_after": after.month.rate,
        "month_collected_before_fen": before.month.collected_fen,
        "month_collected_fen": after.month.collected_fen,
        "rate_overall": after.overall.rate,
    }


def _look_around(stage: Stage, household: str | None) -> Json:
    """The last act: dashboards (看板), one household all round, and the trial balance."""
    stage.act("Dashboards 看板")
    group = stage.admin.get("/v1/dashboards/group")
    _say_degraded(stage, "group dashboard", group)
    for estate in stage.estates:
        _say_degraded(stage, f"dashboard of {estate}", stage.admin.get(f"/v1/dashboards/estates/{estate}"))
    if household is not None:
        _overview(stage, household)
    end = take(stage)
    stage.say(f"  collection rate of {stage.period}: {end.month}; of all months: {end.overall}")
    stage.check("trial balance 试算平衡 difference is 0 at the end", 0, end.difference_fen)
    return {"difference_fen": end.difference_fen}


def _say_degraded(stage: Stage, what: str, answer: Json) -> None:
    stage.check(f"{what}: every part answered", [], answer.get("degraded", []))


def _overview(stage: Stage, household: str) -> None:
    overview = stage.admin.get(f"/v1/households/{household}/overview")
    _say_degraded(stage, f"overview of {household}", overview)
    due = money(overview["statement"]["total_due_fen"])
    parts = ("payments", "work_orders", "complaints", "messages")
    counts = (counted(len(_listed(overview[part])), part.replace("_", " ").removesuffix("s")) for part in parts)
    stage.say(f"  {household} all round: owes {due}; {', '.join(counts)}")


def _listed(part: object) -> list[Json]:
    return part["items"] if isinstance(part, dict) else part if isinstance(part, list) else []


def _summary(stage: Stage, figures: Json) -> None:
    held = sum(ok for _, ok in stage.checks)
    payments = counted(sum(channel["count"] for channel in figures["payments"].values()), "payment")
    sweeps, steps = figures["sweeps"], sum(sweep["actions"] for sweep in figures["sweeps"])
    orders, complaints = figures["orders"], figures["complaints"]
    rows = {
        "period": f"{figures['period']}, due {figures['due_date']}",
        "bills issued now": f"{counted(figures['bills'], 'bill')} over {money(figures['billed_fen'])}",
        "payments": f"{payments} over {money(figures['paid_fen'])}, {figures['notified_twice']} of them notified twice",
        "principal collected": money(figures["collected_fen"]),
        "late fees collected": money(figures["late_fee_fen"]),
        "collection rate 收缴率": f"{figures['rate_before']:.2%} → {figures['rate_after']:.2%} of the month",
        "put by as credit": money(figures["credit_fen"]),
        "dunning 催缴": f"{counted(steps, 'step')} in {counted(len(sweeps), 'sweep')}",
        "work orders 工单": f"{orders['confirmed']} of {orders['created']} done and confirmed",
        "complaints 投诉": "one closed, dunning held until then" if complaints["closed"] else "none held anybody back",
        "trial balance": f"difference {figures['trial_balance']['difference_fen']} fen",
        "checks": f"{held} of {len(stage.checks)} hold",
    }
    stage.act("Summary")
    for name, value in rows.items():
        wide = sum(east_asian_width(letter) == "W" for letter in name)
        stage.say(f"  {name:<{24 - wide}} {value}")
