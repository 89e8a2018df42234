"""A loop that is blocked is found out."""

from __future__ import annotations

import asyncio

import pytest

from iii_triggers.engine.core import Engine
from iii_triggers.engine.loop_lag import INTERVAL_S, WINDOW_S, LoopLag


class Clock:
    """The loop's clock, set by hand."""

    now = 100.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return clock


def measure(lag: LoopLag) -> None:
    with pytest.raises(StopIteration):
        lag.measure().send(None)


def test_the_worst_delay_is_told_until_it_is_old(clock: Clock) -> None:
    lag = LoopLag()
    measure(lag)
    assert lag.worst_s == 0
    for late_s in (0.0, 0.5, 0.0):
        clock.now += INTERVAL_S + late_s
        measure(lag)
    assert lag.worst_s == pytest.approx(0.5)
    for _ in range(round(WINDOW_S / INTERVAL_S)):
        clock.now += INTERVAL_S
        measure(lag)
    assert lag.worst_s == pytest.approx(0)


async def test_a_running_engine_measures(engine: Engine) -> None:
    async with asyncio.timeout(5):
        while not engine.loop_lag._delays_s:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(INTERVAL_S / 2)
