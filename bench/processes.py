"""Product processes a workload starts and ends by their id."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import ROOT
from services.common.process.settings import CommonSettings


@contextmanager
def program(settings: CommonSettings, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m …` against the bench's servers; ended by its id when the block ends."""
    env = {
        **os.environ,
        "AMQP_URI": settings.amqp_uri,
        "DATABASE_URL": settings.database_url,
        "ESTATELOOP_DATABASE_PREFIX": settings.database_prefix,
        "ESTATELOOP_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", *arguments], cwd=ROOT, env=env)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
