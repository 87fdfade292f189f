"""Two services to measure against each other: `python -m bench.echo ours|bare`."""

from services.common.process.runner import ServiceProcess

# isort: split
# the runner patches first

import sys

from nameko.rpc import rpc as bare_rpc
from nameko.runners import ServiceRunner
from sqlalchemy import text

from bench.echo_words import Ticked
from services.common.contracts.base import Message
from services.common.domain.access import Caller
from services.common.messaging import first_delivery
from services.common.process.service import EstateService, event_handler, rpc
from services.common.process.settings import CommonSettings


class BareEcho:
    """Nameko as it comes."""

    name = "bare"

    @bare_rpc  # type: ignore[untyped-decorator]  # Nameko's own, as it comes
    def echo(self, caller: object, word: str) -> dict[str, object]:
        """The word back."""
        return {"word": word, "caller": caller}


class BenchService(EstateService):
    """The same through our typed, guarded door, and a consumer that notes when an event was applied."""

    name = "bench"

    @rpc
    def echo(self, caller: Caller, word: str) -> dict[str, object]:
        """The word back."""
        return {"word": word, "caller": caller.sub}

    @event_handler(Ticked)
    def on_ticked(self, message: Message) -> None:
        """Note the moment."""
        with self.transaction() as session:
            if first_delivery(session, message):
                lag = text("INSERT INTO heard (lag) VALUES (clock_timestamp() - :at)")
                session.execute(lag, {"at": message.occurred_at})


def main(which: str) -> int:
    """Serve until ended."""
    if which == "ours":
        return ServiceProcess("bench", BenchService).run()
    runner = ServiceRunner({"AMQP_URI": CommonSettings().amqp_uri, "max_workers": CommonSettings().max_workers})
    runner.add_service(BareEcho)
    runner.start()
    runner.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
