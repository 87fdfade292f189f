"""SQL of advisory locks: what can be held that is no row, by name, and in which order.

A lock is held until the transaction ends (MIGRATION by a session as well). Whoever takes several takes them in the
order in which they stand here, those of one name by their keys, and rows last: households by id → bills by id →
rollups by key. LIMITATION, TOTALS and RELAY are only tried: who does not get one leaves the work to whoever has it.

Numbers stay what they are, because a release may run beside the one before it. PostgreSQL keeps locks of two keys apart
from locks of one, so an estate's id meets no other lock; each database has locks of its own.
"""

from enum import Enum, unique

from sqlalchemy import text
from sqlalchemy.orm import Session


@unique
class Lock(Enum):
    """What can be held, with PostgreSQL's keys for it; `{}` stands for which one."""

    # every service and the gateway
    MIGRATION = f"{0x0E57A7E}"
    RELAY = f"{0x0E57A7E}, {{}}"
    # wherever policies are kept; before what a policy's own table needs
    POLICIES = f"{0x701C}, 0"
    # billing
    REQUEST = f"{0x0CCE}, hashtext({{}})"
    IMPORT = f"{0x45534C}, 0"
    LADDER = f"{0x5EE9}, {{}}"
    CLOSURE = f"{0xC105}, {{}}"
    LIMITATION = f"{0x11A1}, {{}}"
    ESTATE = "{}"
    TOTALS = f"{0x4A31}, 0"
    # notifications, work orders, gateway
    RECIPIENT = f"{0x5E9D}, hashtext({{}})"
    DISPATCH = "hashtextextended('dispatch:' || {}, 0)"
    CATEGORIES = f"{0xCA7E}, 0"
    AUDIT = f"{0x454C4155}"

    def exclusive(self, which: str = "") -> str:
        """SQL that waits for the lock and holds it alone."""
        return f"pg_advisory_xact_lock({self.value.format(which)})"

    def share(self, which: str = "") -> str:
        """SQL that waits for whoever holds the lock alone, and keeps them off."""
        return f"pg_advisory_xact_lock_shared({self.value.format(which)})"

    def attempt(self, which: str = "") -> str:
        """SQL that holds the lock alone if nobody holds it, and is false otherwise."""
        return f"pg_try_advisory_xact_lock({self.value.format(which)})"

    def exclusive_for_session(self, which: str = "") -> str:
        """SQL that waits for the lock and holds it alone as long as the connection lasts."""
        return f"pg_advisory_lock({self.value.format(which)})"


def hold(session: Session, lock: Lock, which: int | str | None = None) -> None:
    """Hold a lock alone until the transaction ends; waits for everybody else."""
    session.execute(text(f"SELECT {lock.exclusive(':which')}"), {"which": which})


def hold_shared(session: Session, lock: Lock, which: int | str | None = None) -> None:
    """Hold off whoever wants a lock alone until the transaction ends."""
    session.execute(text(f"SELECT {lock.share(':which')}"), {"which": which})


def try_to_hold(session: Session, lock: Lock, which: int | str | None = None) -> bool:
    """Hold a lock alone until the transaction ends, unless somebody holds it."""
    return bool(session.scalar(text(f"SELECT {lock.attempt(':which')}"), {"which": which}))
