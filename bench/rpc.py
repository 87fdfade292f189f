"""`rpc`: one call at a time through the gateway's client to a typed door, beside a bare Nameko echo."""

import asyncio
import statistics
import time
from uuid import uuid4

from bench.databases import bench_database
from bench.harness import Result, process_rss_mib
from bench.processes import program
from bench.servers import BenchServers
from gateway.link.rpc import NoAnswer, RpcClient

CALLS = 1_500
ROUNDS = 3
CALLER = {"sub": "bench", "roles": ["group_admin"], "estates": ["*"], "household": None}


def run(servers: BenchServers) -> Result:
    """Median of the p50s, in ms; p99 in the note."""
    settings = servers.settings(f"bench{uuid4().hex[:6]}")
    bench_database(settings)
    with program(settings, "bench.echo", "bare"), program(settings, "bench.echo", "ours") as ours_process:
        ours, bare = asyncio.run(measure(settings.amqp_uri))
        rss = process_rss_mib(ours_process.pid)
    value, bound = statistics.median(p50 for p50, _ in ours), statistics.median(p50 for p50, _ in bare)
    p99, bare_p99 = statistics.median(p99 for _, p99 in ours), statistics.median(p99 for _, p99 in bare)
    note = f"p50; p99 {p99:.2f} ms, bare p99 {bare_p99:.2f} ms"
    return Result("rpc", round(value, 3), "ms", round(bound, 3), round(value / bound, 2), CALLS, rss, note)


async def measure(amqp_uri: str) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """(p50, p99) of each round for ours and for the bare echo, in turn."""
    client = RpcClient(amqp_uri)
    client.start()
    for service in ("bare", "bench"):
        await answering(client, service)
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(await series(client, "bare"))
        ours.append(await series(client, "bench"))
    await client.stop()
    return ours, bare


async def answering(client: RpcClient, service: str) -> None:
    """Wait until the service answers."""
    for _ in range(200):
        try:
            await client.call(service, "echo", {"caller": CALLER, "word": "x"}, trace_id="bench")
        except NoAnswer:
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{service} never answered")


async def series(client: RpcClient, service: str) -> tuple[float, float]:
    """(p50, p99) in ms of CALLS calls one after the other."""
    took = []
    for _ in range(CALLS):
        start = time.perf_counter()
        await client.call(service, "echo", {"caller": CALLER, "word": "hello"}, trace_id="bench")
        took.append((time.perf_counter() - start) * 1000)
    cuts = statistics.quantiles(took, n=100)
    return cuts[49], cuts[98]
