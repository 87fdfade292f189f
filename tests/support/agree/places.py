"""Who is asked: billing's own stories on a test's database, or a running product over HTTP. Both answer plain JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic_core import to_jsonable_python
from sqlalchemy.orm import Session

from services.billing.charging.bills.views.handlers import list_bills
from services.billing.collections.closure.handlers import Cut, list_cases
from services.billing.collections.dunning.cases.handlers import CaseCut, list_dunning_cases
from services.billing.collections.dunning.measures.arrears import ArrearsCut, arrears_summary, list_arrears
from services.billing.collections.legal.gate import suit_gate
from services.billing.collections.legal.limitation.handlers import list_limitations
from services.billing.figures.rates import handlers as figures
from services.billing.figures.rates.handlers import RateCut
from services.billing.figures.rates.metrics import figure_families, imbalance_family
from services.billing.receivables.late_fee.by_estate import late_fees
from services.billing.receivables.statement.handlers import statement
from services.billing.receivables.trial_balance.handlers import imbalance_fen, trial_balance
from services.common.domain.access import Caller
from tests.support.api import Api

SYSTEM = Caller.system("agree")
LIMIT = 200
FAR = 366  # days
Answer = dict[str, Any]
Samples = dict[tuple[str, ...], float]  # by name and values of labels


class Places(Protocol):
    """Everywhere money is told of."""

    def statement(self, household: str, as_of: date) -> Answer:
        """What a household owes at the end of a day."""

    def bills(self, household: str) -> list[Answer]:
        """All bills of a household."""

    def arrears(self) -> list[Answer]:
        """The arrears ledger."""

    def arrears_summary(self, group_by: Any) -> Answer:
        """The arrears ledger, added up."""

    def cases(self) -> list[Answer]:
        """Households on the ladder."""

    def closure_cases(self) -> list[Answer]:
        """Households in the closure programme."""

    def limitations(self) -> list[Answer]:
        """Claims that end."""

    def suit_gate(self, household: str) -> Answer:
        """Whether a household may be sued."""

    def rates(self, group_by: Any, as_of: date, **cut: Any) -> list[Answer]:
        """Collection rates."""

    def dashboard(self, estate: str | None) -> Answer:
        """Figures of an estate, or of the group."""

    def trial_balance(self) -> Answer:
        """Accounts and checks."""

    def rollup_check(self) -> Answer:
        """Rollups against the ledger."""

    def late_fees(self, as_of: date) -> Answer:
        """Late fee by estate."""

    def metrics(self) -> Samples:
        """Receivable, rates and imbalance as Prometheus has them."""


def all_pages(ask: Callable[[str | None], Answer]) -> list[Answer]:
    """Every item of a list, cursor after cursor."""
    items: list[Answer] = []
    cursor = None
    while True:
        answer = ask(cursor)
        items += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return items


def plain(value: Any) -> Any:
    """As it goes over the wire."""
    return to_jsonable_python(value)


@dataclass(frozen=True)
class Stories:
    """Billing alone, asked by the stories behind its doors."""

    session: Session
    today: date

    def statement(self, household: str, as_of: date) -> Answer:
        """B6."""
        return dict(plain(statement(self.session, SYSTEM, household, as_of)))

    def bills(self, household: str) -> list[Answer]:
        """B4."""
        return all_pages(lambda cursor: plain(list_bills(self.session, SYSTEM, household, None, LIMIT, cursor)))

    def arrears(self) -> list[Answer]:
        """D5."""
        cut = ArrearsCut()
        return all_pages(lambda cursor: plain(list_arrears(self.session, SYSTEM, cut, LIMIT, cursor, self.today)))

    def arrears_summary(self, group_by: Any) -> Answer:
        """D5."""
        return dict(plain(arrears_summary(self.session, SYSTEM, ArrearsCut(), group_by, self.today)))

    def cases(self) -> list[Answer]:
        """D1."""
        cut = CaseCut()
        return all_pages(lambda cursor: plain(list_dunning_cases(self.session, SYSTEM, cut, LIMIT, cursor, self.today)))

    def closure_cases(self) -> list[Answer]:
        """D6."""
        cut = Cut()
        return all_pages(lambda cursor: plain(list_cases(self.session, SYSTEM, cut, LIMIT, cursor, self.today)))

    def limitations(self) -> list[Answer]:
        """D4."""
        return all_pages(
            lambda cursor: plain(list_limitations(self.session, SYSTEM, None, FAR, LIMIT, cursor, self.today))
        )

    def suit_gate(self, household: str) -> Answer:
        """D4."""
        return dict(plain(suit_gate(self.session, SYSTEM, household, self.today)))

    def rates(self, group_by: Any, as_of: date, **cut: Any) -> list[Answer]:
        """J1."""
        return list(plain(figures.collection_rates(self.session, SYSTEM, RateCut(group_by, **cut), as_of)["items"]))

    def dashboard(self, estate: str | None) -> Answer:
        """J1, D5."""
        if estate is None:
            return dict(plain(figures.group_figures(self.session, SYSTEM, self.today)))
        return dict(plain(figures.estate_figures(self.session, SYSTEM, estate, self.today)))

    def trial_balance(self) -> Answer:
        """B7."""
        return dict(plain(trial_balance(self.session, SYSTEM, None)))

    def rollup_check(self) -> Answer:
        """J1."""
        return dict(plain(figures.rollup_check(self.session, SYSTEM, None)))

    def late_fees(self, as_of: date) -> Answer:
        """C1."""
        return dict(plain(late_fees(self.session, SYSTEM, None, as_of, self.today)))

    def metrics(self) -> Samples:
        """What the service would show to a scrape now."""
        families = [*figure_families(self.session, self.today), imbalance_family(imbalance_fen(self.session))]
        return samples_of(families)


@dataclass(frozen=True)
class Product:
    """A running product, asked over HTTP; `metrics_url`: the process of billing itself."""

    api: Api
    metrics_url: str

    def _pages(self, path: str, **query: Any) -> list[Answer]:
        return all_pages(
            lambda cursor: self.api.get(path, limit=LIMIT, **query, **({"cursor": cursor} if cursor else {}))
        )

    def statement(self, household: str, as_of: date) -> Answer:
        """B6."""
        return dict(self.api.get(f"/v1/households/{household}/statement", as_of=as_of.isoformat()))

    def overview(self, household: str) -> Answer:
        """I1."""
        return dict(self.api.get(f"/v1/households/{household}/overview"))

    def payments(self, household: str) -> list[Answer]:
        """E1."""
        return self._pages(f"/v1/households/{household}/payments")

    def bills(self, household: str) -> list[Answer]:
        """B4."""
        return self._pages(f"/v1/households/{household}/bills")

    def arrears(self) -> list[Answer]:
        """D5."""
        return self._pages("/v1/arrears")

    def arrears_summary(self, group_by: Any) -> Answer:
        """D5."""
        return dict(self.api.get("/v1/arrears/summary", group_by=group_by))

    def cases(self) -> list[Answer]:
        """D1."""
        return self._pages("/v1/dunning/cases")

    def closure_cases(self) -> list[Answer]:
        """D6."""
        return self._pages("/v1/closure-cases")

    def limitations(self) -> list[Answer]:
        """D4."""
        return self._pages("/v1/limitations", within_days=FAR)

    def suit_gate(self, household: str) -> Answer:
        """D4."""
        return dict(self.api.get(f"/v1/dunning/cases/{household}/suit-gate"))

    def rates(self, group_by: Any, as_of: date, **cut: Any) -> list[Answer]:
        """J1."""
        answer = self.api.get("/v1/collection-rates", group_by=group_by, as_of=as_of.isoformat(), **cut)
        return list(answer["items"])

    def dashboard(self, estate: str | None) -> Answer:
        """The part of a dashboard that is billing's."""
        place = "group" if estate is None else f"estates/{estate}"
        return dict(self.api.get(f"/v1/dashboards/{place}")["collection"])

    def trial_balance(self) -> Answer:
        """B7."""
        return dict(self.api.get("/v1/ledger/trial-balance"))

    def rollup_check(self) -> Answer:
        """J1."""
        return dict(self.api.get("/v1/ledger/rollup-check"))

    def late_fees(self, as_of: date) -> Answer:
        """C1."""
        return dict(self.api.get("/v1/late-fees", as_of=as_of.isoformat()))

    def metrics(self) -> Samples:
        """As a scrape of billing's process has them."""
        page = httpx.get(f"{self.metrics_url}/metrics", timeout=30).text
        return samples_of(text_string_to_metric_families(page))


def samples_of(families: Any) -> Samples:
    """Those of money, by name and values of their labels in the order of the labels' names."""
    return {
        (sample.name, *values_of(sample.labels)): float(sample.value)
        for family in families
        if family.name in ("estateloop_receivable_fen", "estateloop_collection_rate_ratio",
                           "estateloop_ledger_imbalance_fen")
        for sample in family.samples
    }  # fmt: skip


def values_of(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Values in the order of their names."""
    return tuple(labels[name] for name in sorted(labels))
