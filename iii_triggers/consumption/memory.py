"""kombu's memory transport, without its polling.

Who consumes sleeps until there is something, instead of looking many times a second: a message
starts at once, and an idle process rests.
"""

from __future__ import annotations

import threading
import time
from queue import Empty
from typing import Any

from kombu.transport import memory

TRANSPORT = f"{__name__}:Transport"
"""For Celery's ``broker_transport``."""


class Bell:
    """Rung when something may have changed for who consumes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    def ring(self) -> None:
        """Wake everybody."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    @property
    def rings(self) -> int:
        """How often it rang."""
        return self._rings

    def wait_after(self, rings: int, timeout_s: float | None) -> bool:
        """Wait for a ring after the given number of them; tell whether there was one in time."""
        with self._condition:
            return self._condition.wait_for(lambda: self._rings != rings, timeout_s)


bell = Bell()


class Channel(memory.Channel):  # type: ignore[misc]  # kombu has few types
    """Rings when a message comes, and when one is done: that makes room for the next."""

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        bell.ring()

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """Acknowledge a message."""
        super().basic_ack(delivery_tag, multiple)
        bell.ring()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """Refuse a message."""
        super().basic_reject(delivery_tag, requeue)
        bell.ring()


class Transport(memory.Transport):  # type: ignore[misc]  # kombu has few types
    """Waits for the bell. One process has one."""

    Channel = Channel
    _interrupted = False
    _ended = False

    def interrupt(self, *, for_good: bool = False) -> None:
        """Let who waits in ``drain_events`` do something else first; from any thread.

        Or wait no more at all: Celery drains once again when it is to stop.
        """
        self._interrupted = True
        self._ended = self._ended or for_good
        bell.ring()

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Hand one message to its consumer; raise TimeoutError when there was none in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            # In this order: who interrupts rings afterwards.
            rings = bell.rings
            if self._interrupted:
                break
            try:
                self.cycle.get(self._deliver, timeout=timeout)
            except Empty:
                left = None if deadline is None else deadline - time.monotonic()
                if not bell.wait_after(rings, left):
                    break
            else:
                return
        self._interrupted = self._ended
        raise TimeoutError
