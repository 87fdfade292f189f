"""The tour: one month of one small estate through every service, over HTTP only."""

from datetime import UTC, date, datetime, timedelta

from local.supervisor import Stack
from services.common.domain.calendar import add_months, business_date, format_period
from tests.support.api import Api
from tests.support.estates import SmallEstate
from tests.support.waiting import until

FLAT_FEN = 20523  # 87.33 m² × 2.35 yuan = 205.2255


def billed_period(today: date) -> str:
    """Two months ago: whatever day it is, its bills are due on the day they are issued where no notice is given."""
    return format_period(add_months(today, -2))


def rate(api: Api, estate: str, **query: str) -> dict[str, object]:
    (item,) = api.get("/v1/collection-rates", group_by="estate", estate=estate, **query)["items"]
    return item


def metric(api: Api, name: str, **labels: str) -> float | None:
    for line in api.http.get("/metrics").text.splitlines():
        if line.startswith((f"{name}{{", f"{name} ")) and all(
            f'{key}="{value}"' in line for key, value in labels.items()
        ):
            return float(line.rsplit(" ", 1)[1])
    return None


def test_the_closed_loop(stack: Stack, api: Api) -> None:
    estate = SmallEstate("LOOP")
    payer, complainer = estate.households
    today = business_date(datetime.now(UTC))
    period = billed_period(today)
    overdue_day = today + timedelta(days=1)

    # Import twice: the second changes nothing.
    estate.load(api)
    again = api.load("units", estate.units())
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2)

    # What was owed before: one flat has not paid a month that was due yesterday.
    before, yesterday = format_period(add_months(today, -3)), (today - timedelta(days=1)).isoformat()
    api.load("opening_balances", estate.opening(before, yesterday, 2))

    # The bill run, twice: bills once.
    api.give_notice(estate.code, 0)
    first = api.run_bills(period, estates=[estate.code])
    assert (first["status"], first["bills"], first["amount_fen"]) == ("done", 2, 2 * FLAT_FEN)
    second = api.run_bills(period, estates=[estate.code])
    assert (second["status"], second["bills"]) == ("done", 0)
    (bill,) = api.get(f"/v1/households/{payer}/bills")["items"]
    assert (bill["amount_fen"], bill["outstanding_fen"], bill["due_date"]) == (FLAT_FEN, FLAT_FEN, today.isoformat())

    # WeChat pays and notifies twice: posted once, receipt sent once.
    statement = api.get(f"/v1/households/{payer}/statement", as_of=today.isoformat())
    assert (statement["principal_fen"], statement["late_fee_fen"], statement["total_due_fen"]) == (
        FLAT_FEN,
        0,
        FLAT_FEN,
    )
    total = api.get(f"/v1/households/{payer}/statement")["total_due_fen"]
    payment = api.post("/v1/payments", household=payer, channel="wechat", amount_fen=total)
    assert payment["status"] == "pending"
    assert payment["qr_code"].startswith("weixin://")
    api.ok("POST", f"/v1/sandbox/payments/{payment['id']}/pay", json={"repeat": 2})
    paid = api.wait(f"/v1/payments/{payment['id']}", lambda p: p["status"] == "settled", "the payment settles")
    assert paid["receipt_no"]
    settled = api.wait(f"/v1/households/{payer}/statement", lambda s: s["principal_fen"] == 0, "billing allocates it")
    assert (settled["total_due_fen"], settled["credit_fen"]) == (0, 0)

    # Collection rate: one of two flats has paid.
    item = rate(api, estate.code, period=period)
    assert (item["billed_fen"], item["collected_fen"], item["rate"]) == (2 * FLAT_FEN, FLAT_FEN, 0.5)

    # A complaint about the service holds dunning at once, and the sweep sends nothing.
    complaint = api.post(
        "/v1/complaints",
        estate=estate.code,
        household=complainer,
        category="service",
        level="normal",
        text="The lift has been out of order since Monday.",
        channel="phone",
    )
    case = f"/v1/dunning/cases/{complainer}"
    held = api.wait(case, lambda c: any(h["released_at"] is None for h in c["holds"]), "the hold stands")
    assert "complaint" in held["holds"][0]["reason"]
    api.sweep(overdue_day.isoformat(), estates=[estate.code])
    assert api.get(case)["steps"] == []

    # Responded, resolved, closed: the hold is released and the ladder goes on at the right step, once.
    for action in ("respond", "resolve", "close"):
        api.post(f"/v1/complaints/{complaint['id']}/{action}", text="The lift runs again.", by="LOOP-S1")
    api.wait(case, lambda c: c["holds"] and all(h["released_at"] for h in c["holds"]), "the hold is released")
    api.sweep(overdue_day.isoformat(), estates=[estate.code])
    steps = api.get(case)["steps"]
    assert len(steps) == 1
    repeated = api.sweep(overdue_day.isoformat(), estates=[estate.code])
    assert repeated["actions"] == 0
    assert api.get(case)["steps"] == steps

    # The order for the household in arrears shows a banner and is handled like any other.
    order = api.post(
        "/v1/work-orders",
        estate=estate.code,
        household=complainer,
        category="water",
        priority="normal",
        description="The tap in the kitchen drips.",
    )
    path = f"/v1/work-orders/{order['id']}"
    banner = api.wait(path, lambda o: o["arrears_fen"] == FLAT_FEN, "the banner shows the arrears")
    assert banner["respond_by"] < banner["resolve_by"]
    api.post(f"{path}/dispatch", technician="LOOP-T1")
    for action in ("accept", "arrive", "complete", "confirm"):
        api.post(f"{path}/{action}")
    assert api.get(path)["status"] == "confirmed"

    # The finished order is rated once.
    invitation = api.wait("/v1/surveys", lambda s: s["items"], "the owner is asked", household=complainer)["items"][0]
    api.post(f"/v1/surveys/{invitation['id']}/answers", score=5)
    assert api.get(f"/v1/surveys/{invitation['id']}/result")["responses"] == 1

    # Everything in one view, and every view says the same.
    overview = api.get(f"/v1/households/{complainer}/overview")
    assert overview["degraded"] == []
    assert overview["statement"]["principal_fen"] == 2 * FLAT_FEN
    assert [order["status"] for order in overview["work_orders"]] == ["confirmed"]
    assert [complaint["status"] for complaint in overview["complaints"]] == ["closed"]
    assert api.get("/v1/ledger/trial-balance", estate=estate.code)["difference_fen"] == 0
    assert metric(api, "estateloop_ledger_imbalance_fen") == 0
    until(
        lambda: metric(api, "estateloop_collection_rate_ratio", estate=estate.code, window="cumulative") == 1 / 3,
        "Prometheus shows the same rate",
        90,
    )
    inbox = api.wait("/v1/sandbox/inbox", lambda box: len(mine(box, estate)) >= 2, "messages arrive", 60, limit=500)
    texts = [(message["to"], message["text"]) for message in mine(inbox, estate)]
    assert len(texts) == len(set(texts)), "nobody is told the same thing twice"


def mine(inbox: dict[str, list[dict[str, str]]], estate: SmallEstate) -> list[dict[str, str]]:
    """The messages to owners of this estate."""
    phones = {estate.phone(number) for number in range(1, estate.flats + 1)}
    return [message for message in inbox["items"] if message["to"] in phones]
