"""`python -m gateway`: serve on ESTATELOOP_HOST:PORT until SIGTERM or Ctrl-C, then finish what is under way."""

import sys
from math import inf
from time import monotonic
from types import FrameType

import uvicorn
from pydantic import ValidationError

from gateway.app import create_app
from gateway.settings import Settings, settings
from services.common.observability.logs import configure_logging


class Server(uvicorn.Server):
    """Says it is unready first, serves on for `drain_seconds`, then stops under the deadline."""

    def __init__(self, knobs: Settings) -> None:
        self._app, self._drain, self._stop_at = create_app(knobs), knobs.drain_seconds, inf
        config = uvicorn.Config(
            self._app,
            host=knobs.host,
            port=knobs.port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=round(knobs.stop_deadline_seconds),
            timeout_keep_alive=30,
        )
        super().__init__(config)

    def handle_exit(self, _sig: int, _frame: FrameType | None) -> None:
        """The first signal drains and stops, another stops at once. Unlike the framework's it lets us exit with 0."""
        if self._app.state.draining:
            self.should_exit, self.force_exit = True, self.should_exit
            return
        self._app.state.draining = True
        self._stop_at = monotonic() + self._drain

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to stop."""
        self.should_exit |= monotonic() >= self._stop_at
        return await super().on_tick(counter)


def main() -> int:
    """Run; 2 when the settings are wrong."""
    try:
        knobs = settings()
    except ValidationError as error:
        findings = "; ".join(item["msg"] for item in error.errors(include_input=False))
        sys.stderr.write(f"gateway: {findings}\n")
        return 2
    configure_logging("gateway", knobs.log_level)
    server = Server(knobs)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
