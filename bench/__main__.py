"""`python -m bench [--only relay,rpc]`: starts servers of its own, measures, prints a table, writes results.json."""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

from bench.harness import report
from bench.servers import BenchServers
from local.servers import start_both

WORKLOADS = {
    "relay": "bench.relay",
    "rpc": "bench.rpc",
    "event_lag_p99": "bench.event_lag",
    "bill_run_100k": "bench.bill_run",
}


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
            report([importlib.import_module(WORKLOADS[name]).run(servers) for name in names])
        finally:
            rabbit.stop()
            postgres.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
