"""SIGNALS of the billing service (J1, B7, contract.md): read from the database at each scrape, but never too often.

A reading is kept for many times as long as it took to make, so that a small portfolio is always up to date and a huge
one is not scanned for every scrape. The ledger check reads every posting, so a timer makes it ahead of the scrapes.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Generic, TypeVar

from prometheus_client import Metric
from sqlalchemy.orm import Session

from services.billing.figures.rates import handlers
from services.billing.figures.rates.rules import BUCKET_LABELS
from services.common.contracts.answers.rates import Windows
from services.common.observability.metrics import gauge

WINDOWS = ("current", "cumulative", "recovery")
KEPT_TIMES = 20
Value = TypeVar("Value")


class Reading(Generic[Value]):
    """The last value read and how long it may be shown: at least `at_least` seconds, at most a twentieth busy."""

    def __init__(self, at_least: float = 0.0) -> None:
        self.at_least = at_least
        self._value: Value | None = None
        self._good_until = float("-inf")

    @property
    def is_old(self) -> bool:
        """Whether it is time to read again."""
        return time.monotonic() >= self._good_until

    def get(self, read: Callable[[], Value]) -> Value:
        """The kept value, or a new one when there is none or it is old."""
        return self.refresh(read) if self._value is None or self.is_old else self._value

    def last(self, read: Callable[[], Value]) -> Value:
        """The kept value however old; a new one only when there is none."""
        return self.refresh(read) if self._value is None else self._value

    def refresh(self, read: Callable[[], Value]) -> Value:
        """Read now."""
        start = time.monotonic()
        self._value = read()
        end = time.monotonic()
        self._good_until = end + max(self.at_least, (end - start) * KEPT_TIMES)
        return self._value


def figure_families(session: Session, today: date) -> list[Metric]:
    """Collection rates and receivable of every estate. An estate with nothing to collect has no rate."""
    return [_rates(handlers.estate_windows(session, today)), _receivable(handlers.estate_buckets(session, today))]


def imbalance_family(fen: int) -> Metric:
    """The absolute sum of all that must be nothing in the ledger."""
    description = "Ledger against bills, credit and rollups; always 0"
    return gauge("estateloop_ledger_imbalance_fen", description, [], [([], fen)])


def _rates(estates: Mapping[str, Windows]) -> Metric:
    description = "Principal received ÷ principal billed"
    return gauge("estateloop_collection_rate_ratio", description, ["estate", "window"], _samples(estates))


def _samples(estates: Mapping[str, Windows]) -> Iterable[tuple[list[str], float]]:
    for estate, figures in estates.items():
        rates = (figures["current_rate"], figures["cumulative_rate"], figures["recovery_rate"])
        for window, value in zip(WINDOWS, rates, strict=True):
            if value is not None:
                yield [estate, window], value


def _receivable(estates: dict[str, dict[str, int]]) -> Metric:
    description = "Open principal by days overdue"
    samples = (([estate, bucket], ages[bucket]) for estate, ages in estates.items() for bucket in BUCKET_LABELS)
    return gauge("estateloop_receivable_fen", description, ["estate", "bucket"], samples)
