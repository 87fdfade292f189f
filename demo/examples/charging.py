"""A shared cost with its tariff and bills, a one-off service, a bill taken back and issued anew (B1, B4, B5)."""

from datetime import date
from itertools import islice

from demo.api import Api, Json, wait_for
from demo.examples.walk import PATIENCE_SECONDS, Walk
from demo.portfolio import EstatePortfolio
from services.common.domain.calendar import add_months, format_period

LIGHT = "public_light"
LIGHT_FEN = 6_000_000
COLUMNS = "estate_code,fee_item,method,usage,unit_price_yuan,effective_from,basis"


def month_before(walk: Walk) -> date:
    """The month before the one that the demo bills."""
    return add_months(walk.stage.month, -1)


def share_a_cost(walk: Walk, part: EstatePortfolio) -> None:
    """The light of the stairs (公摊): a tariff is imported and published, the month's cost recorded and billed."""
    finance, estate, month = walk.stage.finance, part.estate.code, month_before(walk)
    row = f"{estate},{LIGHT},shared,residential,0,{month},按实分摊"
    finance.upload("/v1/imports/tariffs", f"{COLUMNS}\n{row}\n")
    tariffs = finance.get("/v1/tariffs", estate=estate)["items"]
    finance.post(f"/v1/tariffs/{next(tariff['id'] for tariff in tariffs if tariff['fee_item'] == LIGHT)}/publish")
    cost = {"estate": estate, "fee_item": LIGHT, "period": format_period(month), "amount_fen": LIGHT_FEN}
    finance.post("/v1/shared-costs", cost | {"note": "供电局账单 · the power company's invoice"})
    run = finance.post("/v1/bill-runs", {"period": cost["period"], "estates": [estate], "fee_items": [LIGHT]})
    wait_for("the shared cost is billed", lambda: _ended(finance, run["id"]), PATIENCE_SECONDS)


def withdraw_a_price(walk: Walk) -> None:
    """A price for years to come was published too early: it is taken back, and waits again."""
    finance = walk.stage.finance
    later = f"{walk.stage.today.year + 2}-01-01"
    finance.upload("/v1/imports/tariffs", f"{COLUMNS}\n{walk.estate},{LIGHT},shared,office,0,{later},按实分摊\n")
    tariffs = finance.get("/v1/tariffs", estate=walk.estate)["items"]
    path = f"/v1/tariffs/{next(tariff['id'] for tariff in tariffs if tariff['effective_from'] == later)}"
    finance.post(f"{path}/publish")
    finance.post(f"{path}/withdraw")


def _ended(finance: Api, run: str) -> Json | None:
    state = finance.get(f"/v1/bill-runs/{run}")
    return state if state["status"] == "done" else None


def keep_the_policy(walk: Walk) -> None:
    """The billing policy is written as it is, and all tariffs that wait are published."""
    walk.stage.finance.post(f"/v1/estates/{walk.estate}/tariffs/publish")
    path = f"/v1/estates/{walk.estate}/billing-policy"
    policy = walk.stage.finance.get(path)
    read_only = ("estate", "own")
    walk.stage.finance.put(path, {name: value for name, value in policy.items() if name not in read_only})


def correct_a_bill(walk: Walk) -> None:
    """The newest bill of a debtor is taken back by a credit note (红字) and issued again."""
    manager = walk.stage.manager
    newest = next(bill for bill in walk.owed(walk.debtors[1].code) if bill["period"] == walk.stage.period)
    manager.post(f"/v1/bills/{newest['id']}/void", {"reason": "面积有误 · wrong floor area", "reissue": False})
    manager.post(f"/v1/bills/{newest['id']}/reissue")


def void_what_was_paid(walk: Walk) -> None:
    """On an estate that lets nobody void alone what was paid, three voids are asked for: done, refused, taken back."""
    admin, manager = walk.stage.admin, walk.stage.manager
    household = walk.meet(next(islice(walk.punctual(walk.part), 1, None)).code)
    bills = walk.stage.finance.get(f"/v1/households/{household}/bills")["items"]
    paid = [bill["id"] for bill in bills if bill["status"] == "paid"][:3]
    admin.put("/v1/void-authority", {"estate": walk.estate, "automatic_up_to_fen": 0})
    request = {"reason": "交接前已结清 · settled before the takeover", "reissue": False}
    asked = [manager.post(f"/v1/bills/{bill}/void", request)["id"] for bill in paid]
    walk.stage.finance.post(f"/v1/bill-voids/{asked[0]}/approve", {"note": "已核对 · checked"})
    walk.stage.finance.post(f"/v1/bill-voids/{asked[1]}/reject", {"reason": "账单无误 · the bill is right"})
    manager.post(f"/v1/bill-voids/{asked[2]}/withdraw", {"reason": "重复申请 · asked twice"})
    admin.put("/v1/void-authority", {"estate": walk.estate, "automatic_up_to_fen": None})


def change_a_lock(walk: Walk) -> None:
    """A one-off service (有偿服务)."""
    service = {"household": walk.debtors[0].code, "fee_item": "lock_change", "amount_fen": 12_000}
    walk.stage.manager.post("/v1/charges", service | {"description": "更换门锁 · new lock", "due_date": walk.day(15)})
