"""The first load: puts the portfolio, its history, open orders and complaints into a stack through the API (A3, B1).

It may be started any number of times and interrupted anywhere. The day the portfolio is made for is kept in the stack
itself: the first estate opened exactly `portfolio.AGE` before it. A repeated load therefore makes the very same files
and keys, and what is already there stays as it is. The complaint that is registered last marks a complete load; where
it is found, nothing else is asked.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from demo.api import Api, Json, Refused, wait_for
from demo.cases import ComplaintCase, OrderCase, complaint_cases, order_cases
from demo.files import estates_csv, opening_csvs, staff_csv, tariffs_csv, units_csv
from demo.portfolio import EstatePortfolio, Portfolio, estate_code, generate, made_on
from services.common.domain.calendar import business_date

Say = Callable[[str], None]
NEWS_SECONDS = 60.0  # how long the other services may take to hear of a household


def load(api: Api, say: Say = print) -> None:
    """Loads the demo portfolio into the stack, or says that it is there."""
    started = time.monotonic()
    admin = api.sign_in("group_admin", estates=["*"])
    day = day_made(admin)
    portfolio = generate(as_of=day or today())
    if day is not None and is_complete(admin, portfolio):
        say(f"demo portfolio: {describe(portfolio)} already there, made on {day}")
        return
    say(f"demo portfolio: loading {describe(portfolio)}, as of {portfolio.as_of} …")
    _imports(admin, portfolio, say)
    _opening_cases(api, portfolio, say)
    say(f"demo portfolio: complete after {time.monotonic() - started:.0f} s")


def today() -> date:
    """The business day now."""
    return business_date(datetime.now(UTC))


def day_made(admin: Api) -> date | None:
    """The day the portfolio in the stack was made for; None when there is none yet."""
    try:
        estate = admin.get(f"/v1/estates/{estate_code(0)}")
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    return made_on(date.fromisoformat(estate["opened_on"]))


def is_complete(admin: Api, portfolio: Portfolio) -> bool:
    """Whether the load came to its end: its last complaint was closed, though somebody may have reopened it since."""
    last = complaint_cases(portfolio)[-1]
    found = admin.items("/v1/complaints", estate=last.estate, household=last.household)
    return any(complaint["status"] == "closed" or complaint["round"] > 1 for complaint in found)


def describe(portfolio: Portfolio) -> str:
    """The portfolio in a few words."""
    units = sum(len(part.units) for part in portfolio.estates)
    return f"{len(portfolio.estates)} estates, {portfolio.households():,} households, {units:,} units"


def _imports(admin: Api, portfolio: Portfolio, say: Say) -> None:
    _import(admin, "estates", estates_csv(portfolio.estates), say)
    for part in portfolio.estates:
        for kind, text in (("units", units_csv(part)), ("staff", staff_csv(part)), ("tariffs", tariffs_csv(part))):
            _import(admin, kind, text, say, part.estate.code)
        admin.post(f"/v1/estates/{part.estate.code}/tariffs/publish")
    for part in portfolio.estates:
        _history(admin, part, say)


def _history(admin: Api, part: EstatePortfolio, say: Say) -> None:
    for text in opening_csvs(part):
        _import(admin, "opening_balances", text, say, part.estate.code)


def _import(admin: Api, kind: str, text: str, say: Say, estate: str = "all estates") -> None:
    started = time.monotonic()
    done = admin.upload(f"/v1/imports/{kind}", text)
    counts = f"{done['created']:>6,} new, {done['updated']:,} changed, {done['unchanged']:,} as they were"
    say(f"  {kind:<17} {estate:<12} {counts}  ({time.monotonic() - started:.1f} s)")


def _opening_cases(api: Api, portfolio: Portfolio, say: Say) -> None:
    manager = api.sign_in("estate_manager", estates=["*"])
    orders, complaints = order_cases(portfolio), complaint_cases(portfolio)
    for order in orders:
        _open_order(api, manager, order)
    for complaint in complaints:
        _open_complaint(manager, complaint)
    open_ones = sum("close" not in complaint.steps for complaint in complaints)
    say(f"  {len(orders)} work orders, {len(complaints)} complaints ({open_ones} of them open)")


def _create(api: Api, path: str, body: Json, key: str) -> Json:
    """Creates under a fixed key; a service that has not heard of the household yet (404) is asked again."""

    def attempt() -> Json | None:
        try:
            return api.post(path, body, key=key)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    return wait_for(f"{path} knows household {body['household']}", attempt, NEWS_SECONDS)


def _open_order(api: Api, manager: Api, case: OrderCase) -> None:
    body = {
        "estate": case.estate,
        "building": case.building,
        "household": case.household,
        "category": case.category,
        "priority": case.priority,
        "description": case.description,
    }
    order = _create(manager, "/v1/work-orders", body, f"demo-{case.key}")
    for step in case.steps:
        manager.post(f"/v1/work-orders/{order['id']}/{step}", key=f"demo-{case.key}-{step}")
    if case.rating is not None:
        rate(api, manager, case.household, order["id"], case.rating, key=f"demo-{case.key}-rating")


def rate(api: Api, manager: Api, household: str, order: str, score: int, key: str) -> None:
    """The owner answers the survey that follows a finished order (回访), as soon as the invitation is there."""
    owner = api.sign_in("owner", household=household)
    survey = wait_for(f"a survey for work order {order}", lambda: _survey(manager, order), NEWS_SECONDS)
    owner.post(f"/v1/surveys/{survey['id']}/answers", {"score": score}, key=key)


def _survey(manager: Api, order: str) -> Json | None:
    found = manager.get("/v1/surveys", work_order=order)["items"]
    return found[0] if found else None


def _open_complaint(manager: Api, case: ComplaintCase) -> None:
    body = {
        "estate": case.estate,
        "household": case.household,
        "category": case.category,
        "level": case.level,
        "text": case.text,
        "channel": case.channel,
    }
    complaint = _create(manager, "/v1/complaints", body, f"demo-{case.key}")
    for step in case.steps:
        answer_complaint(manager, complaint["id"], step, key=f"demo-{case.key}-{step}")


WORDS = {
    "respond": "已收到，马上处理 · received, we are on it",
    "resolve": "已处理完毕 · solved",
    "close": "已回访，业主认可 · answered, the owner agrees",
    "reopen": "业主反映问题仍在 · the owner says it is not solved",
}


def answer_complaint(manager: Api, complaint: str, step: str, key: str | None = None) -> Json:
    """One step of a complaint, said by the handler on duty."""
    return manager.post(f"/v1/complaints/{complaint}/{step}", {"text": WORDS[step]}, key=key)
