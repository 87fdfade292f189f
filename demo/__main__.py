"""Command line: `python -m demo load|month [--url URL] [--json FILE] [--payers N]` and `python -m demo examples`."""

import argparse
import os
import sys
from pathlib import Path

from demo.api import Api, DemoFailure
from demo.examples.record import FILE, write
from demo.load import load
from demo.month import month
from demo.payments import PAYERS


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 a figure does not add up or the stack did not answer as it should."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "examples":
            write(FILE)
            return 0
        if options.command == "load":
            load(Api.at(options.url))
            return 0
        return 0 if month(Api.at(options.url), options.json, options.payers) else 1
    except DemoFailure as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description="The demo portfolio of EstateLoop.")
    commands = parser.add_subparsers(dest="command", required=True)
    url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    for name, purpose in (("load", "put the portfolio into an empty stack"), ("month", "live one month on it")):
        command = commands.add_parser(name, help=purpose)
        command.add_argument("--url", default=url, help=f"the gateway (default {url})")
        if name == "month":
            command.add_argument("--json", type=Path, default=None, metavar="FILE", help="write all figures to FILE")
            command.add_argument("--payers", type=int, default=PAYERS, help=f"households that pay (default {PAYERS})")
    commands.add_parser("examples", help=f"write {FILE.name} for the gateway, from a stack of its own")
    return parser


if __name__ == "__main__":
    sys.exit(main())
