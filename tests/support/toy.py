"""A service small enough to see through: it keeps what it was told, fails on request, and dies on request."""

from services.common.process.runner import ServiceProcess

# isort: split
# the runner patches first

import os
import sys

import eventlet
from sqlalchemy import text

from services.common.contracts.base import Message
from services.common.domain.access import Caller
from services.common.messaging import first_delivery
from services.common.process.service import EstateService, event_handler, rpc
from tests.support.toy_words import Said


class ToyService(EstateService):
    name = "toy"

    @event_handler(Said)
    def on_said(self, message: Message) -> None:
        word = Said.parse(message).word
        with self.transaction() as session:
            session.execute(text("INSERT INTO tried (word) VALUES (:word)"), {"word": word})
        if word == "die":
            os._exit(9)
        if word == "slow":
            eventlet.sleep(1.5)
        with self.transaction() as session:
            if not first_delivery(session, message):
                return
            session.execute(
                text("INSERT INTO heard (word, aggregate) VALUES (:word, :aggregate)"),
                {"word": word, "aggregate": message.aggregate},
            )
            if session.execute(text("SELECT 1 FROM broken WHERE word = :word"), {"word": word}).first():
                raise RuntimeError("this word is broken")

    @rpc
    def echo(self, caller: Caller, word: str, times: int = 1) -> dict[str, object]:
        return {"word": word * times, "sub": caller.sub}


if __name__ == "__main__":
    sys.exit(ServiceProcess("toy", ToyService).run())
