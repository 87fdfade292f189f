"""Waivers, instalments, prepaid money, closed books, thanks for paying early (B6, B8, C2, C3, C4)."""

from datetime import date, timedelta

from demo.api import Json, wait_for
from demo.examples.charging import month_before, share_a_cost
from demo.examples.walk import PATIENCE_SECONDS, Walk, home_of
from demo.history import due_date, periods
from demo.portfolio import EstatePortfolio, Household
from services.common.domain.calendar import add_months, format_period
from services.common.domain.money import yuan

QUARTER_MONTHS = 3
PREPAID_FEN = 50_000
OPENING = "estate_code,unit_code,fee_item,period,amount_yuan,due_date"
THREE_YEARS = 36


def ask_for_waivers(walk: Walk) -> None:
    """Three requests (减免): granted, refused, withdrawn; and the authority matrix, written as it is."""
    debtor = walk.debtors[1].code
    oldest = walk.owed(debtor)
    asked = [_ask(walk, oldest[first : first + 2]) for first in (0, 2, 4)]
    manager = walk.stage.manager
    manager.post(f"/v1/waivers/{asked[0]}/approve", {"note": "例会同意 · agreed at the meeting"})
    manager.post(f"/v1/waivers/{asked[1]}/reject", {"reason": "电梯当日修复 · repaired the same day"})
    walk.steward.post(f"/v1/waivers/{asked[2]}/withdraw", {"reason": "重复申请 · asked twice"})
    matrix = walk.stage.admin.get("/v1/waiver-authority", estate=walk.estate)
    walk.stage.admin.put(
        "/v1/waiver-authority", {"estate": walk.estate, "kind": "late_fee", "bands": matrix["late_fee"]}
    )


def change_policies(walk: Walk) -> None:
    """Three changes of the plans' policy (四眼): granted, refused, taken back."""
    terms = {"late_days": 20, "revives": True, "backdate_days": 3, "longest_months": 12}
    plan = {"policy": "plan", "estate": walk.estate, "values": terms}
    request = plan | {"effective_from": walk.day(), "reason": "业委会决议 · resolved by the committee"}
    finance, admin = walk.stage.finance, walk.stage.admin
    granted, refused, returned = [finance.post("/v1/policy-changes", request)["id"] for _ in range(3)]
    admin.post(f"/v1/policy-changes/{granted}/approve", {"note": "同意 · agreed"})
    admin.post(f"/v1/policy-changes/{refused}/reject", {"note": "已有一份 · there is one already"})
    finance.post(f"/v1/policy-changes/{returned}/withdraw", {"note": "重复申请 · asked twice"})


def _ask(walk: Walk, bills: list[Json]) -> str:
    request = {"bill_ids": [bill["id"] for bill in bills], "kind": "principal", "ratio": "0.5"}
    return str(walk.steward.post("/v1/waivers", request | {"reason": "电梯停用两周 · no lift for two weeks"})["id"])


def sign_instalments(walk: Walk) -> None:
    """A plan (分期) is signed and cancelled, another one stands."""
    bills = walk.owed(walk.meet(walk.debtors[1].code))[-4:]
    plan = _sign(walk, bills[:2])
    walk.stage.manager.post(f"/v1/instalment-plans/{plan}/cancel", {"reason": "一次付清 · pays at once"})
    _sign(walk, bills[2:])


def _sign(walk: Walk, bills: list[Json]) -> str:
    total = sum(bill["outstanding_fen"] for bill in bills)
    parts = [
        {"due_date": walk.day(30), "amount_fen": total // 2},
        {"due_date": walk.day(60), "amount_fen": total - total // 2},
    ]
    plan = {"household": walk.debtors[1].code, "bill_ids": [bill["id"] for bill in bills], "signed_on": walk.day()}
    return str(walk.stage.manager.post("/v1/instalment-plans", plan | {"instalments": parts})["id"])


def prepay(walk: Walk) -> None:
    """Money ahead of its bills (预存): some goes back; asked to pay by hand it finds nothing open (FM1); an old bill
    that comes to light is paid by it there and then.
    """
    finance, household = walk.stage.finance, next(walk.punctual(walk.part))
    code = walk.meet(household.code)
    owed = finance.get(f"/v1/households/{code}/statement")["total_due_fen"]
    paid = finance.post("/v1/payments", {"household": code, "channel": "cash", "amount_fen": owed + PREPAID_FEN})
    wait_for("the money is posted", lambda: finance.get(f"/v1/payments/{paid['id']}")["allocations"], PATIENCE_SECONDS)
    _refund(walk, code)
    walk.stage.manager.post(f"/v1/households/{code}/credit-applications")
    find_old_bills(walk, household)


def _refund(walk: Walk, household: str) -> None:
    """Three refunds (多退少补) are asked for: one is approved by somebody else, one refused, one taken back."""
    finance, admin = walk.stage.finance, walk.stage.admin
    back = {"amount_fen": 2_414, "channel": "transfer", "reason": "业主迁出 · the owner moved away"}
    asked = [finance.post(f"/v1/households/{household}/credit-refunds", back)["id"] for _ in range(3)]
    admin.post(f"/v1/credit-refunds/{asked[0]}/approve", {"note": "已核对账户 · account checked"})
    admin.post(f"/v1/credit-refunds/{asked[1]}/reject", {"reason": "留作预存 · kept as prepayment"})
    finance.post(f"/v1/credit-refunds/{asked[2]}/withdraw", {"reason": "重复申请 · asked twice"})


def find_old_bills(walk: Walk, household: Household) -> None:
    """Two bills of three years ago, whose claims expire soon (诉讼时效); the prepaid money does not cover both."""
    unit = home_of(walk.part, household)
    first = add_months(walk.stage.month, 2 - THREE_YEARS)
    rows = [
        f"{walk.estate},{unit.code},property,{format_period(month)},{yuan(fen)},{due_date(month)}"
        for month, fen in ((first, PREPAID_FEN // 5), (add_months(first, 1), 2 * PREPAID_FEN))
    ]
    walk.stage.finance.upload("/v1/imports/opening_balances", "\n".join([OPENING, *rows, ""]))


def close_the_books(walk: Walk) -> None:
    """An estate under remuneration (酬金制): its oldest months are closed and the first whole quarter settled."""
    finance = walk.stage.finance
    part = next(part for part in walk.stage.portfolio.estates if part.estate.charging_mode == "remuneration")
    estate = part.estate.code
    shares = {"common_areas": 2, "greening": 1, "security": 3, "cleaning": 2, "repair": 1}
    finance.put(f"/v1/estates/{estate}/fund-policy", {"remuneration": 0.1, "shares": shares})
    for month in (months := _to_close(part)):
        finance.post("/v1/ledger/closes", {"estate": estate, "period": format_period(month)})
    quarter = f"{months[-1].year}-Q{months[-1].month // QUARTER_MONTHS}"
    finance.post("/v1/ledger/settlements", {"estate": estate, "quarter": quarter, "surplus": "carry"})
    spent = {"category": "greening", "amount_fen": 120_000, "spent_on": walk.day(), "reference": "V-2026-118"}
    finance.post(f"/v1/estates/{estate}/fund-expenses", spent | {"description": "修剪绿篱 · hedges trimmed"})


def _to_close(part: EstatePortfolio) -> list[date]:
    """From the first month with a posting to the end of the first whole quarter."""
    first = add_months(periods(part.as_of, part.months)[0], 1)
    ahead = (-(first.month - 1)) % QUARTER_MONTHS + QUARTER_MONTHS
    return [add_months(first, number) for number in range(ahead)]


def thank_for_paying_early(walk: Walk) -> None:
    """Points and a lottery ticket (积分、抽奖券) for a bill paid before it was due, of which we hear later; some points
    are redeemed. Opening balances bring none, so the bill was corrected: its reissue keeps the due date (FM10).
    """
    finance, part = walk.stage.finance, walk.stage.portfolio.estates[-1]
    estate = part.estate.code
    share_a_cost(walk, part)
    household = walk.meet(_forgetful(walk, part))
    bill, other = _corrected(walk, walk.owed(household)[0]), walk.owed(household)[-1]
    due = date.fromisoformat(bill["due_date"])
    _pay_by_a_late_slip(walk, household, bill, due - timedelta(days=10))
    finance.get("/v1/ledger/backdated-payments", estate=estate, period=format_period(due - timedelta(days=10)))
    policy = finance.get("/v1/incentive-policy", estate=estate)
    finance.put("/v1/incentive-policy", policy | {"enabled": True})
    wait_for("points are given", lambda: _points(walk, household), PATIENCE_SECONDS)
    walk.steward.post(f"/v1/households/{household}/redemptions", {"points": 30, "bill_id": other["id"]})
    draw = {"month": format_period(due), "winners": 1, "coupon_fen": 5_000, "seed": "SSQ 2026131"}
    finance.post(f"/v1/estates/{estate}/lottery-draws", draw)


def _forgetful(walk: Walk, part: EstatePortfolio) -> str:
    """Whose oldest debt fell due in the month that the demo bills."""
    due = due_date(month_before(walk)).isoformat()
    codes = (household.code for household in part.households)
    return next(code for code in codes if (owed := walk.owed(code)) and owed[0]["due_date"] == due)


def _corrected(walk: Walk, bill: Json) -> Json:
    """A bill taken back and issued again in one go."""
    wrong = {"reason": "面积有误 · wrong floor area", "reissue": True}
    [reissue] = walk.stage.manager.post(f"/v1/bills/{bill['id']}/void", wrong)["reissued"]
    return dict(reissue)


def _pay_by_a_late_slip(walk: Walk, household: str, bill: Json, day: date) -> None:
    """Cash of a past day, which finance may enter (FC3)."""
    cash = {"household": household, "channel": "cash", "amount_fen": bill["amount_fen"], "bill_ids": [bill["id"]]}
    late = {"received_on": day.isoformat(), "reason": "凭证迟到 · the slip came late"}
    walk.stage.finance.post("/v1/payments", cash | late)
    wait_for("the bill is paid", lambda: _is_paid(walk, household, bill["id"]), PATIENCE_SECONDS)


def _is_paid(walk: Walk, household: str, bill: int) -> bool | None:
    return True if bill not in [owed["id"] for owed in walk.owed(household)] else None


def _points(walk: Walk, household: str) -> int | None:
    return walk.stage.finance.get(f"/v1/households/{household}/incentives")["points"] or None
