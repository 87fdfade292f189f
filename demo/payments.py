"""Act two: owners pay, at the desk in cash and by card (POS), and by WeChat Pay through the sandbox (E1–E3, B9).

Every WeChat payment is notified twice; some are first claimed by forged notifications, which must change nothing.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from random import Random

from demo.api import Api, DemoFailure, Json, wait_for
from demo.figures import Snapshot, take
from demo.portfolio import Household
from demo.stage import Stage, money

PAYERS = 200  # households that pay, unless another number is asked for
WORKERS = 6
FORGED = 0.03  # the share of WeChat orders that forged notifications claim first
FORGERIES = ("signature", "serial", "stale", "tampered", "signtest")
SETTLE_SECONDS = 60.0
CHANNELS = {"wechat": 0.60, "pos": 0.22, "cash": 0.18}
# Who pays this month, by kind of payer; the others wait, as ever.
TURNS_UP = {"on_time": 1.0, "late_30": 0.5, "late_year": 0.2, "hard_core": 0.05}
WAYS = {"all": 0.87, "part": 0.05, "over": 0.05, "one_bill": 0.03}


@dataclass(frozen=True)
class Plan:
    """How one household pays this month."""

    household: str
    channel: str
    way: str
    forged: bool


@dataclass(frozen=True)
class Paid:
    """A payment that was settled. `forged`: a forgery claimed it first and was refused."""

    id: str
    household: str
    channel: str
    way: str
    amount_fen: int
    forged: bool


def take_payments(stage: Stage, before: Snapshot, payers: int) -> tuple[Json, list[Paid], Snapshot]:
    """At least so many households pay, if so many owe. Figures: payments by channel, notified_twice, received, …"""
    stage.act("Payments 缴费: desk, POS and WeChat Pay 微信支付")
    paid = _payments(stage, payers)
    total = sum(payment.amount_fen for payment in paid)
    after = _allocated(stage, before, total)
    by_channel = {name: _sum(paid, name) for name in CHANNELS}
    _tell(stage, by_channel, paid)
    received = after.received_since(before)
    _check(stage, by_channel, total, received, after)
    return (
        {
            "payments": by_channel,
            "paid_fen": total,
            "notified_twice": by_channel["wechat"]["count"],
            "forged_refused": sum(payment.forged for payment in paid) * len(FORGERIES),
            "collected_fen": received["principal_fen"],
            "late_fee_fen": received["late_fee_fen"],
            "credit_fen": received["credit_fen"],
        },
        paid,
        after,
    )


def _payments(stage: Stage, payers: int) -> list[Paid]:
    """Pays for one household after the other, a few at a time, and skips those that owe nothing."""
    plans, paid = iter(_plans(stage)), list[Paid]()
    with ThreadPoolExecutor(WORKERS) as pool:
        while len(paid) < payers and (batch := list(islice(plans, 4 * WORKERS))):
            paid += [payment for payment in pool.map(lambda plan: _pay(stage, plan), batch) if payment]
    return paid


def _plans(stage: Stage) -> list[Plan]:
    """All households that mean to pay this month, in the order in which they turn up; the same at every run."""
    random = Random(f"{stage.portfolio.estates[0].seed}/payers/{stage.period}")
    coming = [h for h in _owners(stage) if random.random() < TURNS_UP[h.payer.name]]
    random.shuffle(coming)
    return [Plan(h.code, _draw(random, CHANNELS), _draw(random, WAYS), random.random() < FORGED) for h in coming]


def _owners(stage: Stage) -> Iterator[Household]:
    for part in stage.portfolio.estates:
        yield from part.households[:-1]  # the last one is the developer


def _draw(random: Random, weights: dict[str, float]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]


def _pay(stage: Stage, plan: Plan) -> Paid | None:
    statement = stage.cashier.get(f"/v1/households/{plan.household}/statement")
    if statement["total_due_fen"] <= 0:
        return None
    amount, bills = _amount(statement, plan.way)
    body: Json = {"household": plan.household, "channel": plan.channel, "amount_fen": amount}
    body |= {"bill_ids": bills} if bills else {}
    forged = plan.forged and plan.channel == "wechat"
    at_desk = plan.channel != "wechat"
    payment = stage.cashier.post("/v1/payments", body) if at_desk else _by_wechat(stage, body, forged)
    if payment["status"] != "settled" or payment["amount_fen"] != amount:
        raise DemoFailure(f"payment of {amount} fen over {plan.channel} came out as {payment}")
    return Paid(payment["id"], plan.household, plan.channel, plan.way, amount, forged)


def _amount(statement: Json, way: str) -> tuple[int, list[int]]:
    """How much, and which bills it is meant for (none: oldest due first, B9)."""
    total = int(statement["total_due_fen"])
    if way == "part":
        return max(1, total // 2), []
    if way == "over":
        return -(-total // 10_000) * 10_000, []  # the next hundred yuan; the rest becomes credit (预存)
    unpaid = [bill for bill in statement["bills"] if bill["outstanding_fen"] > 0]
    if way == "one_bill" and unpaid:
        latest = max(unpaid, key=lambda bill: (bill["due_date"], bill["id"]))
        return int(latest["outstanding_fen"]), [latest["id"]]
    return total, []


def _by_wechat(stage: Stage, body: Json, forged: bool) -> Json:
    """The owner orders, pays on the sandbox's side, and WeChat tells us twice."""
    owner = stage.api.sign_in("owner", household=body["household"])
    payment = owner.post("/v1/payments", body)
    wait_for(f"payment {payment['id']} has a QR code", lambda: _qr_code(owner, payment["id"]), SETTLE_SECONDS)
    if forged:
        _forge(owner, payment["id"])
    told = owner.post(f"/v1/sandbox/payments/{payment['id']}/pay", {"repeat": 2})
    if len(told["answers"]) < 2:
        raise DemoFailure(f"WeChat told us {len(told['answers'])} times of payment {payment['id']}, not twice: {told}")
    return wait_for(f"WeChat payment {payment['id']} settles", lambda: _settled(owner, payment["id"]), SETTLE_SECONDS)


def _qr_code(api: Api, payment: str) -> str | None:
    return api.get(f"/v1/payments/{payment}").get("qr_code")


def _settled(api: Api, payment: str) -> Json | None:
    state = api.get(f"/v1/payments/{payment}")
    return None if state["status"] == "pending" else state


def _allocated(stage: Stage, before: Snapshot, total: int) -> Snapshot:
    """The ledger once billing has posted all of the money."""

    def posted() -> Snapshot | None:
        now = take(stage)
        return now if now.cash_fen - before.cash_fen >= total else None

    return wait_for(f"billing posts {money(total)} of payments", posted, SETTLE_SECONDS, every=0.5)


def _forge(owner: Api, payment: str) -> None:
    """A forgery in each of the ways the sandbox knows claims the money: all must be refused and change nothing."""
    for way in FORGERIES:
        forged = owner.post(f"/v1/sandbox/payments/{payment}/pay", {"forge": way})
        status = owner.get(f"/v1/payments/{payment}")["status"]
        if not forged["answers"] or min(forged["answers"]) < 400 or status != "pending":
            raise DemoFailure(f"a forged notification ({way}) was answered {forged['answers']}; its order is {status}")


def _sum(paid: list[Paid], channel: str) -> Json:
    amounts = [payment.amount_fen for payment in paid if payment.channel == channel]
    return {"count": len(amounts), "amount_fen": sum(amounts)}


def _tell(stage: Stage, by_channel: dict[str, Json], paid: list[Paid]) -> None:
    for channel, figures in by_channel.items():
        twice = " (each notified twice)" if channel == "wechat" else ""
        stage.say(f"  {channel:<7} {figures['count']:>4} payments  {money(figures['amount_fen']):>14}{twice}")
    forged = sum(payment.forged for payment in paid) * len(FORGERIES)
    stage.say(f"  {forged} forged WeChat notifications came before the real ones: all refused, nothing changed")
    ways = Counter(payment.way for payment in paid)
    stage.say(
        f"  in full {ways['all']}, in part {ways['part']}, rounded up {ways['over']}, one bill {ways['one_bill']}"
    )


def _check(stage: Stage, by_channel: dict[str, Json], total: int, received: Json, after: Snapshot) -> None:
    expected = {name: figures["amount_fen"] for name, figures in by_channel.items() if figures["amount_fen"]}
    stage.say(
        f"  posted: principal {money(received['principal_fen'])}, late fee 违约金 {money(received['late_fee_fen'])}, "
        f"credit {money(received['credit_fen'])}"
    )
    stage.check("every channel's account grew by its payments, once", expected, received["channels"])
    parts = received["principal_fen"] + received["late_fee_fen"] + received["credit_fen"]
    stage.check("payments = principal + late fee + credit", total, parts)
    stage.check("trial balance difference is 0", 0, after.difference_fen)
