"""What is claimed of families in earnest: closure programme, claims that end, the way to court, against the entries."""

from collections import defaultdict
from collections.abc import Iterator

from tests.support.agree.scene import Scene, differences

ENROLLED = """SELECT h.code, k.bill_id FROM closure_bill k JOIN closure_case c ON c.id = k.case_id
JOIN household h ON h.id = c.household_id"""


def closure(scene: Scene) -> Iterator[str]:
    """D6: what is open of the bills a household came into the programme with."""
    said = {row["household"]: row["open_fen"] for row in scene.places.closure_cases()}
    right: dict[str, int] = defaultdict(int)
    for row in scene.truth.rows(ENROLLED):
        bill = scene.truth.bills.get(row.bill_id)
        right[row.code] += bill.open_fen if bill else 0
    yield from differences("the closure programme", said, right)


def limitations(scene: Scene) -> Iterator[str]:
    """D4: what is open of a bill whose claim ends."""
    said = {row["bill_id"]: row["outstanding_fen"] for row in scene.places.limitations()}
    right = {bill_id: scene.truth.bills[bill_id].open_fen for bill_id in said if bill_id in scene.truth.bills}
    yield from differences("the list of claims that end", said, right, "bill ")


def suit_gate(scene: Scene) -> Iterator[str]:
    """D4, FM3: nobody may be sued whose statement leaves nothing to pay."""
    for code, statement in scene.statements.items():
        if statement["total_due_fen"] <= 0 and scene.places.suit_gate(code)["open"]:
            yield f"{code}: the suit gate says open, the entries {statement['total_due_fen']} due"
