"""STORE of what was consumed: (consumer, event id) is written in the transaction that applies the event."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.contracts.base import Message
from services.common.messaging.tables import new_metadata

inbox = new_metadata().tables["inbox"]


def first_delivery(session: Session, message: Message) -> bool:
    """True the first time this consumer sees this event; False on a repeat, which then changes nothing.

    A concurrent delivery of the same event waits here until the other transaction ends.
    """
    statement = insert(inbox).values(consumer=message.consumer, event_id=message.event_id).on_conflict_do_nothing()
    return session.execute(statement.returning(inbox.c.event_id)).first() is not None
