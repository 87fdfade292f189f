"""Two estates with a few households in a database of payments, and who takes money there."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from services.common.contracts.answers.payments import Payment
from services.common.contracts.events import EstateEntry, EstatesRegistered, HouseholdEntry, HouseholdsRegistered
from services.common.database import transaction
from services.common.domain.access import Caller
from services.payments import handlers, tables
from services.payments.rules import PaymentRequest

NOW = datetime(2026, 10, 31, 4, tzinfo=UTC)
TODAY = date(2026, 10, 31)
TERMS = handlers.Terms({"wechat"}, expiry_seconds=1800, first_check_seconds=30)
CASHIER = Caller(sub="c1", roles=frozenset({"cashier"}), estates=frozenset({"EST1", "EST2"}))
OWNER = Caller(sub="o1", roles=frozenset({"owner"}), household="H1")


def staff(role: str, *estates: str) -> Caller:
    return Caller(sub="s", roles=frozenset({role}), estates=frozenset(estates))


def with_households(engine: Engine) -> Engine:
    with transaction(engine) as session:
        for estate in ("EST1", "EST2"):
            entry = EstateEntry(estate=estate, name="n", region="r")
            tables.REGISTER.keep_estates(session, EstatesRegistered(estates=[entry]), NOW)
        register(session, "EST1", "H1", "H2")
        register(session, "EST2", "H3")
    return engine


def register(session: Session, estate: str, *households: str, at: datetime = NOW) -> None:
    entries = [HouseholdEntry(household=code, unit="1-101", building="1") for code in households]
    tables.REGISTER.keep_households(session, HouseholdsRegistered(estate=estate, households=entries), at)


def request(**changes: Any) -> PaymentRequest:
    return replace(PaymentRequest(uuid4(), "H1", "cash", 20523), **changes)


def create(
    session: Session,
    request: PaymentRequest,
    caller: Caller = CASHIER,
    now: datetime = NOW,
    open_bills: Collection[int] | None = None,
) -> Payment:
    terms = replace(TERMS, open_bill_ids=open_bills)
    return handlers.view(handlers.create_payment(session, caller, request, terms, now))
