"""SIGNALS every service has, for Prometheus (contract.md, docs/metrics.md). No label holds a person or a household."""

from collections.abc import Iterable, Sequence

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

events_total = Counter("estateloop_events_total", "Events handled, by outcome", ["service", "event", "outcome"])
event_lag_seconds = Histogram(
    "estateloop_event_lag_seconds",
    "From the moment a fact became true to the moment a consumer had applied it",
    ["service", "event"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
relayed_total = Counter("estateloop_relayed_total", "Outbox rows sent, by outcome", ["service", "outcome"])
rejected_requests_total = Counter(
    "estateloop_rejected_requests_total", "RPC requests dropped because nobody could answer them", ["service", "reason"]
)
timer_failures_total = Counter("estateloop_timer_failures_total", "Periodic work that failed", ["service", "timer"])


def gauge(
    name: str, help_text: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    """A gauge as read at this scrape: a value for each set of label values."""
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
