"""Act three: work orders (报修工单) through all their states, and receipts that reach the owners (F4, G1, G4, H3)."""

from random import Random
from uuid import uuid4

from demo.api import Json, wait_for
from demo.cases import ORDER_KINDS, ORDER_STEPS
from demo.load import rate
from demo.payments import Paid
from demo.portfolio import EstatePortfolio, Unit
from demo.stage import Stage

ORDERS = 10
NEWS_SECONDS = 180.0  # the thousands of messages of the sweeps go out first
SAMPLE = 8
# Detours on the way from 派工 to 确认: waiting for parts, sent back by the owner (返工), called off.
PLAIN = ORDER_STEPS
PAUSED = ("dispatch", "accept", "pause", "resume", "arrive", "complete", "confirm")
SENT_BACK = (*ORDER_STEPS[:-1], "reopen", *ORDER_STEPS[1:])
CALLED_OFF = ("dispatch", "cancel")
WAYS = (PLAIN, PAUSED, SENT_BACK, PLAIN, CALLED_OFF)
NOTES = {
    "pause": "等待配件 · waiting for parts",
    "reopen": "仍有渗漏 · still leaking",
    "cancel": "业主撤单 · withdrawn",
}


def check_receipts(stage: Stage, paid: list[Paid]) -> Json:
    """A sampled payment has exactly one receipt, although WeChat told us twice. Figures: sampled, receipts."""
    stage.act("Receipts 收据 in the owners' inbox")
    sample = Random(len(paid)).sample(paid, min(SAMPLE, len(paid)))
    receipts = [_receipts(stage, payment) for payment in sample]
    if sample:
        stage.say(f"  one of them reads: {receipts[0][0]['text']}")
    stage.check("every sampled payment brought exactly one receipt", [1] * len(sample), [len(r) for r in receipts])
    return {"sampled": len(sample), "receipts": sum(len(found) for found in receipts)}


def _receipts(stage: Stage, payment: Paid) -> list[Json]:
    """The messages that really went out for a payment, as the sandbox received them."""

    def arrived() -> list[Json] | None:
        return list(stage.admin.items("/v1/sandbox/inbox", cause=f"receipt:{payment.id}")) or None

    return wait_for(f"a receipt for payment {payment.id}", arrived, NEWS_SECONDS, every=0.5)


def work_orders(stage: Stage) -> Json:
    """New orders go their ways to the end. Figures: created, confirmed, cancelled, sent_back, rated, by_debtors."""
    stage.act("Work orders 工单: reported → dispatched → accepted → on site → done → confirmed → rated")
    orders = [_live(stage, number) for number in range(ORDERS)]
    ends = [order["status"] for order in orders]
    confirmed, cancelled = ends.count("confirmed"), ends.count("cancelled")
    debtors = sum(order["arrears_fen"] > 0 for order in orders)
    sent_back = sum(_way(number) is SENT_BACK for number in range(ORDERS))
    stage.say(
        f"  {ORDERS} orders: {confirmed} confirmed, {cancelled} called off, {sent_back} sent back once before that"
    )
    stage.say(f"  {debtors} of the households are in arrears: the technician sees it, the repair is done all the same")
    rated = _rate_one(stage, orders)
    stage.check("every order reached its end", ORDERS, confirmed + cancelled)
    figures = {"created": ORDERS, "confirmed": confirmed, "cancelled": cancelled}
    return figures | {"sent_back": sent_back, "by_debtors": debtors, "rated": rated}


def _way(number: int) -> tuple[str, ...]:
    return WAYS[number % len(WAYS)]


def _live(stage: Stage, number: int) -> Json:
    part = stage.portfolio.estates[number % len(stage.portfolio.estates)]
    category, priority, description = ORDER_KINDS[number % len(ORDER_KINDS)]
    unit = _somebody(part)
    body: Json = {"estate": part.estate.code, "building": unit.building, "household": unit.household.code}
    body |= {"category": category, "priority": priority, "description": description}
    order = stage.manager.post("/v1/work-orders", body)
    for step in _way(number):
        note = {"note": NOTES[step]} if step in NOTES else {}
        stage.manager.post(f"/v1/work-orders/{order['id']}/{step}", note)
    return stage.manager.get(f"/v1/work-orders/{order['id']}")


def _somebody(part: EstatePortfolio) -> Unit:
    flats = [unit for unit in part.units if unit.usage == "residential" and unit.status == "occupied"]
    return Random(uuid4().int).choice(flats)


def _rate_one(stage: Stage, orders: list[Json]) -> int:
    order = next(order for order in orders if order["status"] == "confirmed")
    rate(stage.api, stage.manager, order["household"], order["id"], 5, key=str(uuid4()))
    stage.say("  one owner answered the survey at once: 5 of 5")
    return 1
