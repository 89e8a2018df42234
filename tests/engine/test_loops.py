"""What an engine repeats: at its pace, and slower while it fails."""

from __future__ import annotations

import asyncio

import pytest

from iii_triggers.engine.loops import Loops


class Steps:
    """A step that fails so often, and the pauses before it."""

    def __init__(self, *, failures: int) -> None:
        self.pauses: list[float] = []
        self.done = asyncio.Event()
        self._failures = failures

    async def pause(self, longest_s: float) -> None:
        self.pauses.append(longest_s)
        await asyncio.sleep(0)

    async def step(self) -> None:
        if len(self.pauses) <= self._failures:
            raise RuntimeError("broken")
        if len(self.pauses) > self._failures + 1:
            self.done.set()


async def test_a_step_that_fails_is_tried_again_later_and_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steps, loops = Steps(failures=7), Loops()
    loops.repeat("do it", steps.step, lambda: 2.0, pause=steps.pause)
    await steps.done.wait()
    await loops.stop()
    assert steps.pauses[:9] == [2, 4, 8, 16, 32, 64, 64, 64, 2]
    assert caplog.text.count("The engine could not do it.") == 7


async def test_nothing_is_repeated_after_the_end() -> None:
    steps, loops = Steps(failures=0), Loops()
    loops.repeat("do it", steps.step, lambda: 0.0, pause=steps.pause)
    await steps.done.wait()
    await loops.stop()
    count = len(steps.pauses)
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(steps.pauses) == count
