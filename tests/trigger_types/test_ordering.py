"""Putting numbered things in order."""

from __future__ import annotations

import asyncio

from iii_triggers.trigger_types.ordering import InOrder
from tests.support.eventually import eventually


class Order:
    """An order whose results are looked at."""

    def __init__(self, wait_s: float = 60) -> None:
        self.out: list[str] = []
        self.gaps = 0
        self.order: InOrder[str] = InOrder(
            deliver=self.out.append, on_gap=self._gap, wait_s=lambda: wait_s
        )

    def take(self, *numbers: int) -> list[bool]:
        return [self.order.take(number, str(number)) for number in numbers]

    def _gap(self) -> None:
        self.gaps += 1


async def test_the_first_that_comes_is_the_first() -> None:
    order = Order()
    order.take(7, 8, 9)
    assert order.out == ["7", "8", "9"]
    assert order.order._timer is None


async def test_what_comes_early_waits_and_what_comes_twice_comes_once() -> None:
    order = Order()
    assert order.take(1, 4, 3, 4, 1) == [True, True, True, True, False]
    assert order.out == ["1"]
    order.take(2)
    assert order.out == ["1", "2", "3", "4"]
    order.order.close()


async def test_a_gap_is_told_when_it_lasts() -> None:
    order = Order(wait_s=0.01)
    order.take(1, 3)

    async def told() -> bool:
        return order.gaps == 1

    await eventually(told)
    assert order.order.first_early == 3
    assert order.order.skip_to(2) == ([], 1)
    order.order.hand_on()
    assert order.out == ["1", "3"]


async def test_one_gap_after_another_is_no_lasting_gap() -> None:
    order = Order(wait_s=0)
    order.take(1, 3)
    order.take(2, 5)
    await asyncio.sleep(0)  # The timer that was set for 2 finds 4 missing, and waits again.
    assert order.gaps == 0
    order.take(4)
    assert order.out == ["1", "2", "3", "4", "5"]


async def test_the_last_may_be_missing() -> None:
    order = Order(wait_s=0.01)
    order.order.expect(5)
    order.take(4)
    assert order.out == ["4"]

    async def told() -> bool:
        return order.gaps == 1

    await eventually(told)
    assert order.order.first_early == 6


async def test_what_came_of_what_is_skipped_is_returned() -> None:
    order = Order()
    order.take(1, 3, 5, 8)
    assert order.order.skip_to(6) == (["3", "5"], 3)
    assert order.order.skip_to(6) == ([], 0)
    order.take(7)
    assert order.out == ["1", "7", "8"]
    order.order.close()
