"""Every advisory lock by its name: it keeps others off until the transaction ends, and meets no other name's."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from services.common.database import transaction
from services.common.locks import Lock, hold, hold_shared, try_to_hold

WHICH = {Lock.REQUEST: "R1", Lock.RECIPIENT: "H1", Lock.DISPATCH: "E1"}


@pytest.fixture
def engine(database: Callable[[str], Engine]) -> Engine:
    return database("billing")


@pytest.mark.parametrize("lock", Lock)
def test_a_lock_keeps_others_off_until_the_transaction_ends(engine: Engine, lock: Lock) -> None:
    which = WHICH.get(lock, 7)
    with transaction(engine) as first, transaction(engine) as second:
        hold(first, lock, which)
        assert not try_to_hold(second, lock, which)
        others = [other for other in Lock if other is not lock]
        assert all(try_to_hold(second, other, WHICH.get(other, 7)) for other in others)
        first.commit()
        assert try_to_hold(second, lock, which)


def test_who_shares_a_lock_keeps_off_only_whoever_wants_it_alone(engine: Engine) -> None:
    with transaction(engine) as first, transaction(engine) as second:
        hold_shared(first, Lock.ESTATE, 7)
        hold_shared(second, Lock.ESTATE, 7)
        assert not try_to_hold(second, Lock.ESTATE, 7)
        assert try_to_hold(second, Lock.ESTATE, 8)


def test_a_session_keeps_its_lock_beyond_its_transactions(engine: Engine) -> None:
    with engine.connect() as connection, transaction(engine) as other:
        connection.execute(text(f"SELECT {Lock.MIGRATION.exclusive_for_session()}"))
        connection.commit()
        assert not try_to_hold(other, Lock.MIGRATION)
        connection.detach()
