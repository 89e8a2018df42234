"""What an engine does again and again for as long as it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

LONGEST_BACKOFF = 32
"""How many times the interval the pause after many failures is."""

Step = Callable[[], Awaitable[object]]
Interval = Callable[[], float]
Pause = Callable[[float], Awaitable[object]]


@dataclass(slots=True)
class Loops:
    """The tasks that repeat the steps of an engine."""

    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def repeat(
        self, what: str, step: Step, interval: Interval, *, pause: Pause = asyncio.sleep
    ) -> None:
        """Do a step after each interval, in seconds; ``what`` names it in the log."""
        task = asyncio.get_running_loop().create_task(_forever(what, step, interval, pause))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Repeat nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _forever(what: str, step: Step, interval: Interval, pause: Pause) -> None:
    """Repeat a step; one that fails is logged and tried again, because databases come back."""
    failures = 0
    while True:
        await pause(interval() * min(2**failures, LONGEST_BACKOFF))
        try:
            await step()
            failures = 0
        except Exception:
            failures += 1
            logger.exception("The engine could not %s.", what)
