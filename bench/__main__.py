"""`python -m bench [--only relay,rpc]`: starts servers of its own, measures, prints a table, writes results.json."""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bench.harness import Result, report
from bench.servers import BenchServers
from local.servers import start_both

WORKLOADS = {
    "relay": "bench.relay:run",
    "rpc": "bench.rpc:run",
    "event_lag_p99": "bench.event_lag:run",
    "bill_run_100k": "bench.bill_run:run_100k",
    "bill_run_1m": "bench.bill_run:run_1m",
    "collection_rate_p99": "bench.collection_rate:run",
    "late_fee_1m": "bench.late_fee:run",
    "sweep_1m": "bench.sweep:run_1m",
    "bill_run_1m_2_replicas": "bench.bill_run_replicas:run_1m",
}


def workload(name: str) -> Callable[[BenchServers], Result]:
    """The function that measures `name`; loaded only when it is asked for."""
    module, _, function = WORKLOADS[name].partition(":")
    return cast("Callable[[BenchServers], Result]", getattr(importlib.import_module(module), function))


def main() -> int:
    """Run the workloads named, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names separated by commas")
    names = [name for name in parser.parse_args().only.split(",") if name] or list(WORKLOADS)
    if unknown := set(names) - set(WORKLOADS):
        parser.error(f"unknown workloads: {', '.join(sorted(unknown))}; known: {', '.join(WORKLOADS)}")
    with tempfile.TemporaryDirectory(prefix="estateloop-bench-") as home:
        Path(home).chmod(0o711)
        postgres, rabbit = start_both(Path(home))
        try:
            servers = BenchServers(amqp_uri=rabbit.amqp_uri, database_url=postgres.url)
            report([workload(name)(servers) for name in names])
        finally:
            rabbit.stop()
            postgres.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
