"""SIGNALS of a process: /healthz, /readyz and /metrics, as a WSGI application any small server can run."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.common.observability.logs import describe, get_logger

log = get_logger(__name__)
Checks = Mapping[str, Callable[[], bool]]


class DatabaseCollector(Collector):
    """Asks `collect` at each scrape; a database that is away costs its figures, not the scrape."""

    def __init__(self, service: str, collect: Callable[[], Iterable[Metric]]) -> None:
        self._service = service
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        """The figures, and whether they could be read."""
        up = GaugeMetricFamily("estateloop_figures_up", "Whether the database gave its figures", labels=["service"])
        try:
            families = list(self._collect())
        except Exception as error:  # noqa: BLE001 - whatever it is, a scrape goes on
            log.warning("figures could not be read", extra={"why": describe(error)})
            families = []
            up.add_metric([self._service], 0)
        else:
            up.add_metric([self._service], 1)
        yield from families
        yield up

    def describe(self) -> Iterable[Metric]:
        """Nothing is promised at registration, so that registering does not query."""
        return []


class HealthApp:
    """Liveness: the process works at all (not broker or database: an outage must not become a restart storm).

    Readiness: every check holds; the answer names those that do not.
    """

    def __init__(self, alive: Checks, ready: Checks) -> None:
        self._probes = {"/healthz": alive, "/readyz": ready}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """One GET."""
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return _answer(start_response, "200 OK", CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
        if path not in self._probes:
            return _answer(start_response, "404 Not Found", "text/plain", b"not found\n")
        checks = {name: check() for name, check in self._probes[path].items()}
        status = "200 OK" if all(checks.values()) else "503 Service Unavailable"
        return _answer(start_response, status, "application/json", json.dumps({"checks": checks}).encode())


def _answer(start_response: Callable[..., Any], status: str, content_type: str, body: bytes) -> list[bytes]:
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
