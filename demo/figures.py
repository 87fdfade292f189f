"""Figures as the API gives them, added up over the demo's estates: collection rates (J1) and the trial balance (B7)."""

from collections import Counter
from dataclasses import dataclass

from demo.api import Api, Json
from demo.stage import Stage

CASH = "cash_"  # the accounts that money arrives in: cash_wechat, cash_pos, …


@dataclass(frozen=True)
class Rate:
    """Money in fen. `rate` is collected ÷ billed, 0 when nothing was billed."""

    billed_fen: int
    collected_fen: int

    @property
    def rate(self) -> float:
        """0 to 1."""
        return self.collected_fen / self.billed_fen if self.billed_fen else 0.0

    def __str__(self) -> str:
        return f"{self.rate:.2%}"


@dataclass(frozen=True)
class Snapshot:
    """The ledger at one moment: the month's rate, the rate over all months, what stands on each account."""

    month: Rate
    overall: Rate
    accounts: Counter[str]
    difference_fen: int

    @property
    def cash_fen(self) -> int:
        """All money that ever came in through a channel."""
        return sum(fen for account, fen in self.accounts.items() if account.startswith(CASH))

    def received_since(self, before: "Snapshot") -> Json:
        """What became of the money that came in since: channels, principal, late fees, credit."""
        moved = self.accounts.copy()
        moved.subtract(before.accounts)
        return {
            "channels": {name.removeprefix(CASH): fen for name, fen in moved.items() if name.startswith(CASH) and fen},
            "principal_fen": self.overall.collected_fen - before.overall.collected_fen,
            "late_fee_fen": -moved["late_fee_income"],
            "credit_fen": -moved["customer_credit"],
        }


def take(stage: Stage) -> Snapshot:
    """The figures now."""
    balances = [stage.finance.get("/v1/ledger/trial-balance", estate=estate) for estate in stage.estates]
    accounts: Counter[str] = Counter()
    for balance in balances:
        accounts.update({row["account"]: row["debit_fen"] - row["credit_fen"] for row in balance["accounts"]})
    return Snapshot(
        month=rate(stage.finance, stage.estates, stage.period),
        overall=rate(stage.finance, stage.estates),
        accounts=accounts,
        difference_fen=sum(abs(balance["difference_fen"]) for balance in balances),
    )


def rate(api: Api, estates: list[str], period: str | None = None) -> Rate:
    """The collection rate of the demo's estates together, of one month or of all."""
    items = api.get("/v1/collection-rates", group_by="estate", period=period)["items"]
    ours = [item for item in items if item["key"] in estates]
    return Rate(sum(item["billed_fen"] for item in ours), sum(item["collected_fen"] for item in ours))
