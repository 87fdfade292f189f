"""The reliable layer on a real broker and a real database: nothing lost, nothing twice, nothing stuck."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import amqp
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from kombu import Connection
from pydantic import ValidationError
from sqlalchemy import Engine, text

from services.common.contracts.errors import Conflict
from services.common.database import build_engine, service_database_url, transaction
from services.common.domain.access import Caller
from services.common.messaging import parking, record, record_many
from services.common.messaging.names import event_exchange, event_queue
from services.common.messaging.schema import create_messaging_tables
from services.common.process.migrate import ensure_database
from services.common.process.relay import Relay
from services.common.process.settings import CommonSettings
from tests.support.processes import Process
from tests.support.servers import Servers
from tests.support.toy_words import SCHEMA, Said, Shouted
from tests.support.waiting import until

QUEUE = event_queue("toy", "said", "toy", "on_said")


class Toy:
    """A toy service, its relay and its database."""

    def __init__(self, servers: Servers, log: Path) -> None:
        self.settings = CommonSettings(
            amqp_uri=servers.amqp_uri, database_url=servers.database_url, database_prefix=f"toy{uuid4().hex[:8]}"
        )
        self.log = log
        ensure_database(self.settings, "toy")
        self.engine = build_engine(
            service_database_url(self.settings, "toy"), pool_size=5, statement_timeout_ms=20_000, application="test"
        )
        with self.engine.begin() as connection:
            create_messaging_tables(Operations(MigrationContext.configure(connection)))
            connection.exec_driver_sql(SCHEMA)
        self.relay = Relay("toy", self.settings)

    def process(self, **env: str) -> Process:
        names = {"AMQP_URI": self.settings.amqp_uri, "DATABASE_URL": self.settings.database_url}
        knobs = {
            "ESTATELOOP_DATABASE_PREFIX": self.settings.database_prefix,
            "ESTATELOOP_RETRY_DELAYS_SECONDS": "[0.05, 0.05]",
            "ESTATELOOP_DELIVERY_LIMIT": "2",
        }
        return Process("tests.support.toy", env={**names, **knobs, **env}, log=self.log)

    def say(self, *words: str, aggregate: str = "a") -> None:
        with transaction(self.engine) as session:
            record_many(session, [Said(word=word) for word in words], aggregate=aggregate, at=datetime.now(UTC))

    def words(self, table: str = "heard") -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.scalars(text(f"SELECT word FROM {table} ORDER BY id")))

    def pending(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM outbox WHERE published_at IS NULL")) or 0)

    def parked(self) -> list[parking.ParkedEvent]:
        with transaction(self.engine) as session:
            return parking.waiting(session, 100)

    def break_word(self, word: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("INSERT INTO broken VALUES (:word)"), {"word": word})

    def mend(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM broken"))

    def close(self) -> None:
        self.relay.stopping.set()
        if self.relay.is_alive():
            self.relay.join(10)
        self.engine.dispose()


@pytest.fixture
def toy(servers: Servers, tmp_path: Path) -> Iterator[Toy]:
    made = Toy(servers, tmp_path / "toy.log")
    with Connection(servers.amqp_uri) as connection:
        for queue in (QUEUE, "rpc-toy", "dead-toy"):
            connection.channel().queue_delete(queue)
    yield made
    made.close()


def publish_raw(toy: Toy, body: bytes, exchange: str = event_exchange("toy"), key: str = "said", **how: object) -> None:
    with Connection(toy.settings.amqp_uri) as connection:
        connection.channel().basic_publish(amqp.Message(body, **how), exchange=exchange, routing_key=key)


def envelope(word: str, **changes: object) -> bytes:
    fields = {
        "event_id": str(uuid4()),
        "event": "said",
        "version": 1,
        "source": "toy",
        "aggregate": "a",
        "occurred_at": "2026-01-01T00:00:00+00:00",
        "trace_id": "",
        "data": {"word": word},
    }
    return json.dumps({**fields, **changes}).encode()


def test_an_event_is_applied_once_however_often_it_is_delivered(toy: Toy) -> None:
    with toy.process() as process:
        process.wait_ready()
        toy.relay.start()
        toy.say("hello")
        until(lambda: toy.words() == ["hello"], "the event arrives")
        twice = envelope("again")
        publish_raw(toy, twice)
        publish_raw(toy, twice)
        toy.say("last")
        until(lambda: toy.words("tried").count("again") == 2 and "last" in toy.words(), "both copies were tried")
        assert sorted(toy.words()) == ["again", "hello", "last"]
        assert toy.pending() == 0


def test_a_poison_event_is_parked_with_its_error_while_others_flow_and_replay_works(toy: Toy) -> None:
    toy.break_word("poison")
    with toy.process() as process:
        process.wait_ready()
        toy.relay.start()
        toy.say("before", "poison", "after")
        (parked,) = until(toy.parked, "the poison is parked")
        assert "this word is broken" in parked.error
        assert (parked.event, parked.attempts, parked.queue) == ("said", 3, QUEUE)
        until(lambda: sorted(toy.words()) == ["after", "before"], "the others are applied")
        toy.mend()
        with transaction(toy.engine) as session:
            parking.replay(session, parked.id, datetime.now(UTC))
        until(lambda: "poison" in toy.words(), "the replay is applied")
        assert toy.words().count("poison") == 1
        assert toy.parked() == []
        with transaction(toy.engine) as session, pytest.raises(Conflict):
            parking.replay(session, parked.id, datetime.now(UTC))


def test_a_failing_event_is_repeated_until_it_passes(toy: Toy) -> None:
    toy.break_word("shy")
    with toy.process(ESTATELOOP_RETRY_DELAYS_SECONDS="[0.05, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]") as process:
        process.wait_ready()
        toy.relay.start()
        toy.say("shy")
        until(lambda: toy.words("tried").count("shy") >= 2, "it was repeated")
        toy.mend()
        until(lambda: toy.words() == ["shy"], "it passes")
        assert toy.parked() == []


def test_raw_nonsense_hurts_nobody(toy: Toy) -> None:
    with toy.process() as process:
        process.wait_ready()
        toy.relay.start()
        publish_raw(toy, b"\xff\x00 not json", content_type="application/x-python-serialize")
        publish_raw(toy, b"[1, 2]", content_type="application/json")
        publish_raw(toy, envelope("new", version=99))
        publish_raw(toy, envelope("odd", data={"no_word": 1}))
        publish_raw(toy, envelope("nul", event="a\x00b\ud800", version=99))
        rpc = {"exchange": "nameko-rpc", "key": "toy.echo"}
        publish_raw(toy, b'{"args": [], "kwargs": {}}', **rpc, content_type="application/json")
        publish_raw(toy, b"\xff\x00", **rpc, reply_to="nowhere")
        publish_raw(toy, b'{"args": 1}', **rpc, reply_to="nowhere", content_type="application/json")
        toy.say("fine")
        until(lambda: "fine" in toy.words() and len(toy.parked()) == 5, "five are parked and the good one is applied")
        assert process.alive()
        assert {event.error.split(":")[0] for event in toy.parked()} == {
            "Unreadable",
            "UnknownVersion",
            "ValidationError",
        }
        until(
            lambda: process.get("/metrics")[1].count('estateloop_rejected_requests_total{reason="') == 3, "all counted"
        )


def test_an_event_that_ends_the_process_is_set_aside_by_the_broker(toy: Toy) -> None:
    with toy.process() as process:
        toy.relay.start()
        toy.say("die")
        until(lambda: toy.parked() or restarted(process), "the dead letter is parked", deadline=60)
        (parked,) = until(toy.parked, "the dead letter is parked")
        assert "delivery_limit" in parked.error
        assert parked.queue == QUEUE
        until(lambda: process.alive() or restarted(process), "it runs again")
        toy.say("life goes on")
        until(lambda: toy.words() == ["life goes on"], "others flow")


def test_what_no_queue_takes_stays_in_the_outbox_and_goes_out_later(toy: Toy) -> None:
    toy.relay.start()
    with transaction(toy.engine) as session:
        record(session, Shouted(word="anybody?"), aggregate="a", at=datetime.now(UTC))
    until(lambda: toy.relay.last_turn > 0, "the relay has turned")
    with Connection(toy.settings.amqp_uri) as connection:
        channel = connection.channel()
        until(lambda: deferred(toy.engine), "the row is put off, not marked")
        channel.queue_declare("ear", durable=True, auto_delete=False)
        channel.queue_bind("ear", event_exchange("toy"), "shouted")
        with toy.engine.begin() as sql:
            sql.execute(text("UPDATE outbox SET due_at = now()"))
        until(lambda: toy.pending() == 0, "it goes out")
        assert json.loads(channel.basic_get("ear").body)["data"] == {"word": "anybody?"}
        channel.queue_delete("ear")


def restarted(process: Process) -> bool:
    """What a supervisor does; never a true answer."""
    if not process.alive():
        process.start()
    return False


def deferred(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(
            connection.scalar(text("SELECT count(*) FROM outbox WHERE published_at IS NULL AND due_at > now()"))
        )


def test_two_relays_keep_the_order_of_an_aggregate(toy: Toy) -> None:
    second = Relay("toy", toy.settings.model_copy(update={"relay_batch": 7}))
    words = [f"{aggregate}{number:03}" for number in range(120) for aggregate in "abc"]
    with Connection(toy.settings.amqp_uri) as connection:
        channel = connection.channel()
        channel.exchange_declare(event_exchange("toy"), "topic", durable=True, auto_delete=False)
        channel.queue_declare("order", durable=True, auto_delete=False)
        channel.queue_bind("order", event_exchange("toy"), "said")
        for word in words:
            toy.say(word, aggregate=word[0])
        second.start()
        toy.relay.start()
        until(lambda: toy.pending() == 0, "both relays have emptied the outbox")
        second.stopping.set()
        seen = [json.loads(message.body)["data"]["word"] for message in iter(lambda: channel.basic_get("order"), None)]
        channel.queue_delete("order")
    assert sorted(seen) == sorted(words)
    for aggregate in "abc":
        mine = [word for word in seen if word[0] == aggregate]
        assert mine == sorted(mine)


def test_sigterm_lets_running_work_finish(toy: Toy) -> None:
    with toy.process() as process:
        process.wait_ready()
        toy.relay.start()
        toy.say("slow")
        until(lambda: toy.words("tried") == ["slow"], "the slow work has begun")
        assert process.end(15) == 0
        assert toy.words() == ["slow"]
    with toy.process() as process:
        process.wait_ready()
        toy.say("next")
        until(lambda: toy.words() == ["slow", "next"], "the next arrives")
        assert toy.words("tried").count("slow") == 1


def test_the_scope_of_a_caller_travels(toy: Toy) -> None:
    caller = Caller.system("test")
    assert Caller.model_validate(json.loads(caller.model_dump_json())) == caller


def test_a_wrong_argument_is_invalid_and_an_inner_mistake_is_not() -> None:
    from services.common.contracts.errors import Invalid
    from services.common.messaging.rpc import rpc

    class Doors:
        @rpc
        def take(self, caller: Caller, day: date) -> dict[str, object]:
            if day.year == 1:
                Said.model_validate({})
            return {"day": day}

    system = Caller.system("test").model_dump(mode="json")
    assert Doors().take(caller=system, day="2026-01-31") == {"day": "2026-01-31"}
    with pytest.raises(Invalid) as refused:
        Doors().take(caller=system, day="2026-02-31")
    assert [error["loc"] for error in refused.value.errors] == ["day"]
    with pytest.raises(ValidationError):
        Doors().take(caller=system, day="0001-01-01")
