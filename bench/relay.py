"""`relay`: events per second from a full outbox to confirmed in a quorum queue, beside a bare batched publisher."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import text

from bench.harness import Result, alternate, peak_rss_mib, stopwatch
from bench.servers import BenchServers
from services.common.contracts.events import PaymentStarted
from services.common.database import build_engine, service_database_url
from services.common.messaging.names import event_exchange, event_queue_arguments
from services.common.process.migrate import ensure_database, upgrade
from services.common.process.relay import BrokerLink, Relay

EVENTS = 20_000
ROUNDS = 3
QUEUE = "bench-relay"

FILL = """
INSERT INTO outbox (event_id, event, version, source, aggregate, data, occurred_at, exchange, routing_key, due_at)
SELECT gen_random_uuid(), :event, 1, 'payments', 'household:' || n % 500, CAST(:data AS json), now(), :exchange,
       :event, now()
FROM generate_series(1, :n) AS n
"""


def run(servers: BenchServers) -> Result:
    """One relay on one database; the queue is emptied between rounds."""
    import psycopg2

    settings = servers.settings(f"bench{uuid4().hex[:6]}")
    ensure_database(settings, "payments")
    upgrade(settings, "payments")
    url = service_database_url(settings, "payments")
    engine = build_engine(url, pool_size=2, statement_timeout_ms=60_000, application="bench")
    event = PaymentStarted(
        payment_id=uuid4(), household="E1-1-101", estate="E1", amount_fen=20523, expires_at=datetime.now(UTC)
    )
    fields = {"event": event.NAME, "data": event.model_dump_json(), "exchange": event_exchange("payments"), "n": EVENTS}
    link = BrokerLink(settings.amqp_uri)
    channel = link._connection.channel()
    channel.exchange_declare(event_exchange("payments"), "topic", durable=True, auto_delete=False)
    channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=event_queue_arguments("bench", 20))
    channel.queue_bind(QUEUE, event_exchange("payments"), event.NAME)
    relay = Relay("payments", settings)
    row = (
        1,
        str(uuid4()),
        event.NAME,
        1,
        "payments",
        "household:1",
        datetime.now(UTC).isoformat(),
        "",
        event.model_dump_json(),
        event_exchange("payments"),
        event.NAME,
        1,
    )

    def work() -> float:
        with engine.begin() as connection:
            connection.execute(text(FILL), fields)
        database = psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))
        with stopwatch() as seconds:
            while relay.relay_batch(database, link):
                pass
        database.close()
        assert channel.queue_purge(QUEUE) == EVENTS
        return EVENTS / seconds()

    def bound() -> float:
        with stopwatch() as seconds:
            for _ in range(EVENTS // 500):
                link.publish([row] * 500)
        channel.queue_purge(QUEUE)
        return EVENTS / seconds()

    value, bare = alternate(work, bound, ROUNDS)
    channel.queue_delete(QUEUE)
    link.close()
    engine.dispose()
    return Result("relay", round(value), "events/s", round(bare), round(bare / value, 2), EVENTS, peak_rss_mib())
