"""J3 over HTTP: a target is set, the estate is behind it, the list shows it and the manager's role has a task."""

from datetime import UTC, datetime, timedelta

from services.common.domain.calendar import add_months, business_date, format_period
from tests.support.api import Api
from tests.support.estates import SmallEstate


def test_j3_an_estate_behind_its_plan_is_warned_of(api: Api) -> None:
    estate = SmallEstate("PLAN")
    estate.load(api)
    yesterday = business_date(datetime.now(UTC)) - timedelta(days=1)
    # bills of a month are due in the next one; the warning is about the month of yesterday
    period = format_period(add_months(yesterday, -1, 1))
    assert api.load("opening_balances", estate.opening(period, f"{yesterday:%Y-%m}-01"))["created"] == 2
    due = api.get("/v1/collection-rates", due_in=format_period(yesterday), estate=estate.code)["items"]
    assert [item["billed_fen"] for item in due] == [41046]

    curve = [{"day": 1, "rate": 0.5}, {"day": 31, "rate": 0.98}]
    target = api.ok("PUT", "/v1/collection-targets", json={"estate": estate.code, "curve": curve})
    assert api.get("/v1/collection-targets", estate=estate.code)["items"] == [target]
    bad = api.call("PUT", "/v1/collection-targets", json={"estate": estate.code, "rate": 0.9, "curve": curve})
    assert (bad.status_code, bad.json()["errors"][0]["loc"]) == (422, "rate")

    found = api.wait(
        "/v1/warnings", lambda page: page["items"], "the warning is raised", 60,
        kind="collection_below_plan", estate=estate.code,
    )  # fmt: skip
    [warning] = found["items"]
    assert (warning["day"], warning["period"]) == (yesterday.isoformat(), format_period(yesterday))
    assert warning["facts"]["billed_fen"] == 41046
    assert warning["facts"]["missing_fen"] >= 41046 // 2
    told = api.wait(
        "/v1/notifications", lambda page: page["items"], "the manager has a task", 30,
        recipient=f"{estate.code}:estate_manager",
    )  # fmt: skip
    assert [message["template"] for message in told["items"]] == ["collection.below_plan"]
