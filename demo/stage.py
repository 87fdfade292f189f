"""What every act of the story needs: who is signed in, which month it is, and a narrator that checks what it says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from demo.api import Api, DemoFailure
from demo.history import due_date, last_full_month
from demo.load import day_made, today
from demo.portfolio import Portfolio, generate
from services.common.domain.calendar import format_period
from services.common.domain.money import yuan


@dataclass
class Stage:
    """The signed-in roles, the portfolio in the stack and the month that is told.

    `due` is when the bills of that month are due: by policy, until the run says that it came too late for that.
    `checks` are the cross-checks made so far: what, and whether it held. All must hold for the story to end well.
    """

    api: Api
    admin: Api
    finance: Api
    cashier: Api
    manager: Api
    portfolio: Portfolio
    today: date
    month: date
    say: Callable[[str], None]
    checks: list[tuple[str, bool]] = field(default_factory=list)
    due: date = field(init=False)

    def __post_init__(self) -> None:
        self.due = due_date(self.month)

    @property
    def period(self) -> str:
        """The month that is billed, "2026-10"."""
        return format_period(self.month)

    @property
    def estates(self) -> list[str]:
        """The codes of the demo's estates; others in the same stack are left alone."""
        return [part.estate.code for part in self.portfolio.estates]

    def check(self, what: str, expected: object, found: object) -> None:
        """Says whether a figure adds up and remembers it."""
        holds = expected == found
        self.checks.append((what, holds))
        self.say(f"    {'✓' if holds else '✗'} {what}" + ("" if holds else f": expected {expected}, found {found}"))

    def act(self, title: str) -> None:
        """The heading of the next act."""
        self.say(f"\n── {title}")


def set_stage(api: Api, say: Callable[[str], None]) -> Stage:
    """Signs in and finds the portfolio; DemoFailure when it was not loaded."""
    admin = api.sign_in("group_admin", estates=["*"])
    made = day_made(admin)
    if made is None:
        raise DemoFailure("the demo portfolio is not in this stack; load it with: python -m demo load")
    return Stage(
        api=api,
        admin=admin,
        finance=api.sign_in("finance", estates=["*"]),
        cashier=api.sign_in("cashier", estates=["*"]),
        manager=api.sign_in("estate_manager", estates=["*"]),
        portfolio=generate(as_of=made),
        today=today(),
        month=last_full_month(today()),
        say=say,
    )


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 step", "2,456 steps"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def money(fen: int) -> str:
    """Fen for the eye: 1234567 → "¥12,345.67"."""
    whole, cents = yuan(fen).split(".")
    return f"¥{int(whole):,}.{cents}"
