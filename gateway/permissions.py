"""Writes docs/permissions.md: which roles have which permission, and which routes ask for it.

`--check` fails when the page is not what table and routes say.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gateway.app import RESOURCES, SANDBOX
from gateway.front.guard import guard_of
from services.common.domain.permissions import Permission, Role

PAGE = Path(__file__).parents[1] / "docs" / "permissions.md"
YES = "●"
PROBES = ("GET /healthz", "GET /readyz", "GET /metrics")
HEAD = """# Who may do what

Written by `make schemas` from [the table](../services/common/domain/permissions.py) and the routes; a test compares
them. A route of the gateway and the door of the service behind it ask for the same permission, the door before it
looks at anything else. What a role may do it may do on the estates of its token only, an owner for the own household.
A region manager (区域负责人) is an estate manager of all estates of the token.

- `approve_waiver` goes as far as the [authority matrix](billing/waivers-voids-refunds.md) says, `carry_out_work_order`
  for a technician on the register as far as the own orders.
- `approve_refund`, `approve_void` and, above what goes by rule, `approve_waiver` are for what somebody else asked for
  ([two people](adr/0018-two-people-for-what-leaves-the-house.md)). While something of the household is overdue,
  `refund_credit` takes `approve_refund` too.
- A permission without a route is asked for within one (`take_cash`, `take_transfer`: by the channel of a payment;
  `exceed_plan_policy`: by the days of a plan), or
  no route leads to its door yet (`announce_year`).
"""


def text() -> str:
    """The page as it should be."""
    by_permission = routes()
    head = [_row(["permission", *Role, "asked for by"]), _row(["---"] * (len(Role) + 2))]
    rows = [_row([f"`{each}`", *_marks(each), _codes(by_permission[each])]) for each in Permission]
    return "\n".join([HEAD, *head, *rows, "", f"Without sign-in: {_codes([*by_permission[None], *PROBES])}.", ""])


def routes() -> Mapping[Permission | None, Sequence[str]]:
    """Every route by the permission it asks for; None: those anybody may call."""
    by_permission: dict[Permission | None, list[str]] = defaultdict(list)
    for route in (route for resource in (*RESOURCES, *SANDBOX) for route in resource.routes.declared):
        by_permission[guard_of(route.endpoint).permission].append(f"{route.method} {route.path.replace(':path', '')}")
    return by_permission


def _marks(permission: Permission) -> Iterator[str]:
    return (YES if role in permission.roles else "" for role in Role)


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> int:
    """`--check` compares, nothing writes."""
    if arguments != ["--check"]:
        PAGE.write_text(text())
    elif not PAGE.exists() or PAGE.read_text() != text():
        sys.stderr.write("docs/permissions.md is not what the code says: run `make schemas` and read the change\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
