"""Files of owners, a flat that is sold by mistake, a building with another steward (A2, A4)."""

from demo.examples.walk import Walk, home_of
from services.common.domain.calendar import add_months

NEIGHBOUR = {"name": "李雷", "share": "0.5", "phone": "10070009002"}
FILE = {
    "segment": "senior",
    "other_phones": ["10070009009"],
    "preferred_channel": "phone",
    "preferred_time": "evening",
    "legacy_dispute": {"liable": "developer", "since": "2024-05-01", "note": "屋顶自交付起渗漏 · roof leaks"},
}


def keep_files(walk: Walk) -> None:
    """Co-owners of a flat and the file of its household."""
    manager, debtor = walk.stage.manager, walk.debtors[0]
    unit = home_of(walk.part, debtor)
    manager.put(f"/v1/units/{walk.estate}/{unit.code}/owners", {"owners": [NEIGHBOUR]})
    manager.put(f"/v1/households/{walk.meet(debtor.code)}/file", FILE)


def leave_a_flat(walk: Walk) -> None:
    """Nobody lives in a flat (空置) from the first of next month on."""
    first = add_months(walk.stage.today.replace(day=1), 1).isoformat()
    path = f"/v1/units/{walk.estate}/{home_of(walk.part, walk.debtors[0]).code}/status"
    walk.stage.manager.put(path, {"status": "vacant", "from_date": first})
    walk.stage.manager.get(path)


def sell_the_wrong_flat(walk: Walk) -> None:
    """A transfer (过户) is recorded and undone."""
    manager, unit = walk.stage.manager, walk.part.units[0]
    sale = {
        "household": f"{unit.household.code}-B",
        "role": "owner",
        "from_date": walk.day(),
        "reason": "成交合同 · sales contract 2026-118",
        "owner_name": NEIGHBOUR["name"],
        "owner_phone": NEIGHBOUR["phone"],
    }
    path = f"/v1/units/{walk.estate}/{unit.code}/transfers"
    transfer = manager.post(path, sale)
    manager.post(f"{path}/{transfer['id']}/undo", {"reason": "登错房号 · wrong flat"})


def appoint_a_steward(walk: Walk) -> None:
    """Another steward answers for a building from tomorrow on."""
    stewards = [person.code for person in walk.part.staff if person.role == "steward"]
    path = f"/v1/estates/{walk.estate}/buildings/{walk.part.buildings[0]}/steward"
    walk.stage.manager.put(path, {"staff": stewards[-1], "from_date": walk.day(1)})
