"""Real providers in threads of the test, and a notifications service's world: directory, events, courier."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, Row, select
from sqlalchemy.orm import Session

from services.common.contracts.answers.notifications import MessageChannel
from services.common.contracts.events import (
    Allocation,
    ContactEntry,
    ContactsRegistered,
    DunningItem,
    DunningStepsDue,
    DunningWithdrawn,
    EstateEntry,
    EstatesRegistered,
    PaymentAllocated,
    PaymentReallocated,
    StaffEntry,
    StaffRegistered,
)
from services.common.database import transaction
from services.notifications.adapters.signed_sms import SignedSms
from services.notifications.delivery.courier import Courier
from services.notifications.delivery.handlers import Dispatch, Terms
from services.notifications.directory import handlers as directory
from services.notifications.messages import handlers as messages
from services.notifications.ports import Port
from services.notifications.tables import message

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
KEY = b"a key of the test"


@dataclass
class SmsProvider:
    """Keeps what it takes once per key; fails as told: each status in `faults` answers one request."""

    port: int = 0
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def answer(self, raw: bytes, signature: str) -> int:
        """The HTTP status for one request."""
        if not hmac.compare_digest(hmac.new(KEY, raw, hashlib.sha256).hexdigest(), signature):
            return 401
        told = json.loads(raw)
        with self.lock:
            self.calls.append(told["idempotency_key"])
            if self.faults:
                return self.faults.pop(0)
            self.taken.setdefault(told["idempotency_key"], told)
        return 200

    @property
    def url(self) -> str:
        """Where it takes messages."""
        return f"http://127.0.0.1:{self.port}/sms/send"


@contextmanager
def sms_provider() -> Iterator[SmsProvider]:
    """A provider on a free port, for the length of the block."""
    provider = SmsProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status = provider.answer(raw, self.headers.get("X-Signature", ""))
            body = json.dumps({"message_id": "receipt-1"}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_port
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class World:
    """One database of the service, a clock that stands where it is set, and shorthands for what happens to it."""

    engine: Engine
    now: datetime = NOON

    def clock(self) -> datetime:
        """Now."""
        return self.now

    def pass_time(self, **amount: float) -> None:
        """Let the clock go on."""
        self.now += timedelta(**amount)

    def learn(
        self, *households: str, email: str | None = None, language: str = "zh-CN", phone: str = "13800001111"
    ) -> None:
        """Billing tells how to reach these households of estate E1."""
        entries = [
            ContactEntry(household=code, building="1栋", name="王小明", phone=phone, email=email, language=language)
            for code in households
        ]
        with transaction(self.engine) as session:
            directory.learn_contacts(session, ContactsRegistered(estate="E1", contacts=entries), self.now, self.now)

    def learn_estate(self, code: str = "E1", name: str = "锦绣花园") -> None:
        """Billing tells the estate's name."""
        event = EstatesRegistered(estates=[EstateEntry(estate=code, name=name, region="华东")])
        with transaction(self.engine) as session:
            directory.learn_estates(session, event, self.now, self.now)

    def learn_staff(self, code: str, role: str = "steward", phone: str = "") -> None:
        """Billing tells who works on estate E1."""
        event = StaffRegistered(staff=[StaffEntry(staff=code, name="李管家", role=role, estate="E1", phone=phone)])
        with transaction(self.engine) as session:
            directory.learn_staff(session, event, self.now)

    def urge(self, *items: DunningItem, as_of: date = TODAY, decided_at: datetime | None = None) -> int:
        """A sweep's batch arrives; how many messages are new."""
        event = DunningStepsDue(sweep_id=uuid4(), estate="E1", as_of=as_of, items=list(items))
        with transaction(self.engine) as session:
            return messages.queue_dunning(session, event, decided_at or self.now, self.now)

    def hold(self, household: str, at: datetime | None = None) -> None:
        """Billing tells that a complaint holds the household since an instant."""
        event = DunningWithdrawn(household=household, estate="E1", reason="open_complaint", withdrawn_at=at or self.now)
        with transaction(self.engine) as session:
            messages.withdraw_held(session, event)

    def pay(self, household: str, payment_id: UUID | None = None, principal_fen: int = 0) -> int:
        """A payment was posted; what did not go to a bill became prepaid balance."""
        part = Allocation(bill_id=1, fee_item="property_fee", period="2026-10", due_date=date(2026, 11, 15),
                          principal_fen=principal_fen, late_fee_fen=0)  # fmt: skip
        event = PaymentAllocated(
            payment_id=payment_id or uuid4(), household=household, estate="E1", channel="cash", amount_fen=20523,
            business_date=TODAY, allocations=[part] if principal_fen else [], credit_fen=20523 - principal_fen,
        )  # fmt: skip
        with transaction(self.engine) as session:
            messages.withdraw_paid(session, event, self.now)
            return messages.queue_receipt(session, event, self.now)

    def move(self, household: str, payment_id: UUID, revision: int, principal_fen: int) -> int:
        """The payment's money lies elsewhere now."""
        part = Allocation(bill_id=1, fee_item="property_fee", period="2026-10", due_date=date(2026, 11, 15),
                          principal_fen=principal_fen, late_fee_fen=0)  # fmt: skip
        event = PaymentReallocated(
            payment_id=payment_id, revision=revision, household=household, estate="E1", channel="cash",
            amount_fen=20523, business_date=TODAY, allocations=[part], credit_fen=20523 - principal_fen, adjustments=[],
        )  # fmt: skip
        with transaction(self.engine) as session:
            return messages.queue_receipt(session, event, self.now, revision)

    def rows(self) -> list[Row[Any]]:
        """Every message, in the order of queueing."""
        with Session(self.engine) as session:
            return list(session.execute(select(message).order_by(message.c.seq)))

    def row(self) -> Row[Any]:
        """The only message."""
        [row] = self.rows()
        return row

    def courier(self, ports: dict[MessageChannel, Port], **terms: Any) -> Courier:
        """One replica's courier on these providers."""
        made: dict[str, Any] = {"batch": 50, "lease": timedelta(seconds=30), "providers": frozenset(ports)} | terms
        return Courier(
            transaction=partial(transaction, self.engine),
            clock=self.clock,
            ports=ports,
            terms=Terms(**made),
            max_attempts=3,
            call_timeout=timedelta(seconds=5),
            side_by_side=in_threads,
        )


def in_threads(deliver: Callable[[Dispatch], None], calls: Iterable[Dispatch]) -> None:
    """Four calls at once."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, calls))


def sms(provider: SmsProvider, directory_of_keys: Path) -> SignedSms:
    """The real adapter on the test's provider."""
    key_file = directory_of_keys / "sms_key"
    key_file.write_bytes(KEY)
    return SignedSms(provider.url, "test", key_file, timeout_seconds=2)


def step(household: str, step: str = "overdue_notice", **changes: Any) -> DunningItem:
    """One step of the ladder that is due."""
    fields = {
        "household": household, "building": "1栋", "cause": f"dunning:{household}:{step}", "step": step,
        "kind": "message",
        "template": f"dunning.{step}", "channels": ["sms"], "steward": None, "due_date": date(2026, 11, 15),
        "overdue_days": 5, "overdue_fen": 20000, "late_fee_fen": 523,
    }  # fmt: skip
    return DunningItem.model_validate(fields | changes)
