"""FM8: a family that was told wrongly what its money paid is told anew; one that was not, is not (E7)."""

from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from services.notifications import service as doors
from tests.support.notifications import World, sms, sms_provider

PAYMENT = UUID(int=7)


@pytest.fixture
def world(database: Callable[[str], Engine]) -> World:
    made = World(database("notifications"))
    made.learn_estate()
    made.learn("H1")
    return made


@pytest.fixture
def deliver(world: World, tmp_path: Path) -> Iterator[Callable[[], int]]:
    """Send what is due, to a real provider."""
    with sms_provider() as provider:
        yield lambda: world.courier({"sms": sms(provider, tmp_path)}).work(1)


def said(world: World) -> list[tuple[str, str]]:
    return [(row.template, row.variables["principal_yuan"]) for row in world.rows()]


def test_fm8_who_was_told_wrongly_is_told_anew(world: World, deliver: Callable[[], int]) -> None:
    world.pay("H1", PAYMENT, 6100)
    deliver()
    assert world.move("H1", PAYMENT, 1, 6000) == 1
    assert said(world) == [("payment.receipt", "61.00"), ("payment.receipt_corrected", "60.00")]
    deliver()
    assert "60.00" in world.rows()[1].text
    assert world.move("H1", PAYMENT, 1, 6000) == 0
    assert world.move("H1", PAYMENT, 2, 5900) == 1
    assert [row.cause for row in world.rows()] == [f"receipt:{PAYMENT}", f"receipt:{PAYMENT}:1", f"receipt:{PAYMENT}:2"]


def test_fm8_who_was_not_told_yet_is_told_once_and_rightly(world: World) -> None:
    world.pay("H1", PAYMENT, 6100)
    world.move("H1", PAYMENT, 1, 6000)
    assert said(world) == [("payment.receipt", "60.00")]


def test_fm8_the_same_words_are_not_said_twice(world: World, deliver: Callable[[], int]) -> None:
    """The money pays another bill now, but as much principal as before."""
    world.pay("H1", PAYMENT, 6100)
    deliver()
    world.move("H1", PAYMENT, 1, 6100)
    assert said(world) == [("payment.receipt", "61.00")]
    world.move("H1", PAYMENT, 2, 6000)
    assert said(world)[1:] == [("payment.receipt_corrected", "60.00")]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_fm8_the_last_word_is_the_newest_in_whatever_order_they_come(
    world: World, deliver: Callable[[], int], order: tuple[int, ...]
) -> None:
    words = [
        lambda: world.pay("H1", PAYMENT, 6100),
        lambda: world.move("H1", PAYMENT, 1, 6050),
        lambda: world.move("H1", PAYMENT, 2, 6000),
    ]
    for index in order:
        words[index]()
        words[index]()
        deliver()
    assert said(world)[-1][1] == "60.00"
    told_of = [index for place, index in enumerate(order) if index >= max(order[: place + 1])]
    assert [principal for _, principal in said(world)] == [("61.00", "60.50", "60.00")[index] for index in told_of]


def test_fm8_another_payment_s_receipt_is_left_alone(world: World) -> None:
    world.pay("H1", UUID(int=8), 5000)
    world.pay("H1", PAYMENT, 6100)
    world.move("H1", PAYMENT, 1, 6000)
    assert sorted(said(world)) == [("payment.receipt", "50.00"), ("payment.receipt", "60.00")]
    assert hasattr(doors.NotificationsService, "on_payment_reallocated")
