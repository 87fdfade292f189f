"""An event of a release to come, which a service sets aside and which is sent to its queue again."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from kombu import Connection

from demo.api import Json, wait_for
from demo.examples.walk import PATIENCE_SECONDS, Walk
from services.common.messaging.names import event_queue

QUEUE = event_queue("billing", "month_closed", "payments", "on_month_closed")
VERSION_TO_COME = 99


def replay_a_parked_event(walk: Walk) -> None:
    """payments knows no such version and parks the event at once."""
    with Connection(walk.broker) as connection, connection.channel() as channel:
        connection.Producer(channel).publish(_event(), routing_key=QUEUE, content_type="application/json")
    parked = wait_for("an event is parked", lambda: _parked(walk), PATIENCE_SECONDS)
    walk.stage.admin.post(f"/v1/ops/parked-events/{parked['id']}/replay")
    wait_for("it is parked again", lambda: _parked(walk), PATIENCE_SECONDS)


def _event() -> str:
    envelope = {"event_id": str(uuid4()), "event": "month_closed", "version": VERSION_TO_COME, "source": "billing"}
    told = {"aggregate": "demo", "occurred_at": datetime.now(UTC).isoformat(), "trace_id": "demo", "data": {}}
    return json.dumps(envelope | told)


def _parked(walk: Walk) -> Json | None:
    events = walk.stage.admin.items("/v1/ops/parked-events")
    return next((event for event in events if event["queue"] == QUEUE), None)
