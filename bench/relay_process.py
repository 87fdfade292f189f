"""The relay of the bench service as a process of its own."""

import signal
import sys
import threading

from services.common.process.relay import Relay
from services.common.process.settings import CommonSettings


def main() -> int:
    """Relay until ended."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    relay = Relay("bench", CommonSettings())
    relay.start()
    stop.wait()
    relay.stopping.set()
    relay.join(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
