"""Runs a workload and its lower bound several times in the same run and keeps the medians and their ratio."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results.json"


@dataclass(frozen=True)
class Result:
    """`ratio` is how many times slower than the bound; `rss_mib` is the largest process's."""

    name: str
    value: float
    unit: str
    bound: float
    ratio: float
    n: int
    rss_mib: float
    note: str = ""


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Seconds since the block began, frozen when it ends."""
    start = time.perf_counter()
    end: list[float] = []
    yield lambda: (end[0] if end else time.perf_counter()) - start
    end.append(time.perf_counter())


def alternate(work: Callable[[], float], bound: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Medians of `rounds` measurements each, taken in turn so that a slow moment of the machine hits both."""
    works, bounds = [], []
    for _ in range(rounds):
        bounds.append(bound())
        works.append(work())
    return statistics.median(works), statistics.median(bounds)


def peak_rss_mib() -> float:
    """The largest resident size of this process or of any child that has ended, MiB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(max(own, children) / 1024, 1)


def process_rss_mib(pid: int) -> float:
    """The largest resident size a running process ever had, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def report(results: list[Result]) -> None:
    """A table on the terminal and bench/results.json; rows of earlier runs that were not run now stay."""
    kept = {row["name"]: row for row in _earlier()}
    for result in results:
        kept[result.name] = {**asdict(result), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    RESULTS.write_text(
        json.dumps(
            {"machine": machine(), "commit": commit(), "results": [*kept.values()]}, indent=1, ensure_ascii=False
        )
        + "\n"
    )
    print(f"{'name':<22}{'value':>14} {'unit':<10}{'bound':>14}{'ratio':>8}{'n':>10}{'MiB':>8}")
    for result in results:
        print(
            f"{result.name:<22}{result.value:>14,.3f} {result.unit:<10}{result.bound:>14,.3f}{result.ratio:>8.2f}"
            f"{result.n:>10,}{result.rss_mib:>8.0f}  {result.note}"
        )


def _earlier() -> list[dict[str, object]]:
    return list(json.loads(RESULTS.read_text())["results"]) if RESULTS.exists() else []


def machine() -> str:
    """What it ran on: system, cores, memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    python = sys.version.split()[0]
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory} GiB, Python {python}"


def commit() -> str:
    """The commit measured, with + when the tree has changes."""
    head = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return head.stdout.strip() or "unknown"
