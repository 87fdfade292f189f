"""What Prometheus reads: our own metrics and, on a single machine, those of the services merged into one page.

In Kubernetes every pod is scraped by itself and no targets are set.
"""

import asyncio
from collections.abc import Iterable, Mapping

import httpx
from prometheus_client import Gauge, Histogram
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

HTTP_SECONDS = Histogram(
    "estateloop_http_seconds",
    "HTTP requests of the gateway by route template",
    ["route", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)
TARGET_UP = Gauge("estateloop_metrics_target_up", "Whether a service's metrics could be read", ["service"])
TARGET_TIMEOUT = 1.0
PREFIX = "estateloop_"
INNER_LABELS = ("le", "quantile")
CREATED = "_created"  # time stamps of other series, a family of their own once they were read from text


async def scrape(own: CollectorRegistry, client: httpx.AsyncClient, targets: str) -> bytes:
    """The page: everything of ours and the estateloop_* families of the targets that answer."""
    targets_by_name = parse_targets(targets)
    pages = await asyncio.gather(*(_read(client, url) for url in targets_by_name.values()))
    for service, page in zip(targets_by_name, pages, strict=True):
        TARGET_UP.labels(service).set(page is not None)
    others = [[family for family in page if family.name.startswith(PREFIX)] for page in pages if page is not None]
    return generate_latest(_MergedFamilies([own.collect(), *others]))


def parse_targets(text: str) -> dict[str, str]:
    """`billing=http://127.0.0.1:1234,…` → {service: address of its metrics}."""
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): f"{address.strip().rstrip('/')}/metrics" for name, _, address in pairs}


def merge(sources: Iterable[Iterable[Metric]]) -> list[Metric]:
    """One family per name. Where two sources tell of the very same series the first is believed."""
    families: dict[str, Metric] = {}
    label_sets: dict[str, set[frozenset[tuple[str, str]]]] = {}
    for source in sources:
        for family in (family for family in source if not family.name.endswith(CREATED)):
            into = families.setdefault(family.name, Metric(family.name, family.documentation, family.type, family.unit))
            own_label_sets = label_sets.setdefault(family.name, set())
            fresh = [
                sample
                for sample in family.samples
                if not sample.name.endswith(CREATED) and _series(sample) not in own_label_sets
            ]
            into.samples.extend(fresh)
            own_label_sets.update(map(_series, fresh))
    return list(families.values())


def _series(sample: Sample) -> frozenset[tuple[str, str]]:
    labels: Mapping[str, str] = sample.labels
    return frozenset((name, value) for name, value in labels.items() if name not in INNER_LABELS)


async def _read(client: httpx.AsyncClient, url: str) -> list[Metric] | None:
    """A target's families; None when it does not answer in time or with something unreadable."""
    try:
        reply = await client.get(url, timeout=TARGET_TIMEOUT)
        return list(text_string_to_metric_families(reply.raise_for_status().text))
    except (httpx.HTTPError, ValueError):
        return None


class _MergedFamilies(Collector):
    """What `generate_latest` wants of a registry."""

    def __init__(self, sources: Iterable[Iterable[Metric]]) -> None:
        self._families = merge(sources)

    def collect(self) -> Iterable[Metric]:
        """The merged families."""
        return self._families
