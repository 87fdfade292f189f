"""Command line of the supervisor: `python -m local.stack run` (`make run`) and `python -m local.stack url`.

The supervisor itself is `local.supervisor.Stack`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from local.home import home_directory, log_file
from local.processes import ProcessError
from local.supervisor import Stack

__all__ = ["Stack"]

DEFAULT_PORT = 8000
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(line: str) -> None:
    """One short line for the person at the terminal."""
    print(f"  {line}", flush=True)


def run() -> int:
    """Run everything in the foreground until Ctrl-C; the exit code."""
    for number in STOPPING:
        signal.signal(number, _interrupt)
    sandbox = os.environ.get("ESTATELOOP_SANDBOX") == "1"
    stack: Stack | None = None
    try:
        home = home_directory(os.environ)
        demo = sandbox and os.environ.get("ESTATELOOP_DEMO") != "0"
        print(f"EstateLoop, kept in {_shown(home)}", flush=True)
        stack = Stack(home=home, port=_port(), demo=demo, sandbox=sandbox, environ=os.environ, say=say)
        stack.start()
        print(_welcome(stack, sandbox=sandbox), flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopping", flush=True)
    except ProcessError as problem:
        _ignore_signals()
        print(f"\n{problem}", file=sys.stderr, flush=True)
        return 1
    finally:
        if stack is not None:
            stack.stop()
    print("Stopped", flush=True)
    return 0


def current_url() -> str:
    """Address of the gateway that runs in this home, or the one that PORT says."""
    path = home_directory(os.environ) / "stack.json"
    if path.exists():
        return str(json.loads(path.read_text())["url"])
    return f"http://127.0.0.1:{_port()}"


def _welcome(stack: Stack, *, sandbox: bool) -> str:
    urls = stack.urls()
    metrics = "\n".join(
        f"  {name:14} {url}/metrics" for name, url in urls.items() if name not in {"gateway", "sandbox"}
    )
    lines = [f"\nEstateLoop is ready: {stack.url}   (API: {stack.url}/docs, logs: {_shown(log_file(stack.home, '*'))})"]
    lines += ["Metrics:", metrics]
    if sandbox:
        lines += [f"Messages sent to owners: {stack.url}/v1/sandbox/inbox", "Sign in:"]
        lines += [f"  curl -s {stack.url}/v1/auth/dev-token -H 'Content-Type: application/json' \\"]
        lines += ['    -d \'{"role": "group_admin"}\'']
    return "\n".join([*lines, "Ctrl-C stops everything.\n"])


def _port() -> int:
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ProcessError(f"PORT={text} is not a port")
    return int(text)


def _shown(path: Path) -> str:
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """The first signal begins the end; make and the terminal may both send it, so others change nothing."""
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    parser.add_argument("action", choices=["run", "url"])
    if parser.parse_args().action == "url":
        print(current_url())
    else:
        sys.exit(run())


if __name__ == "__main__":
    main()
