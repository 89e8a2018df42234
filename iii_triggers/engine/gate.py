"""Keeps the frames of one connection waiting, in order, while something must be known first.

Until a worker has introduced itself nobody knows its namespace or the version of its SDK, so its
registrations wait, and the calls behind them (protocol reference, section 3.8). Later they wait
while a coroutine runs that decides about one of them. Results always pass: what is waited for may
be a call that this very worker answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from iii_triggers.conf import settings
from iii_triggers.protocol import messages as m
from iii_triggers.protocol.codec import encode
from iii_triggers.protocol.errors import IiiError
from iii_triggers.protocol.text import one_line

logger = logging.getLogger(__name__)

REGISTER_FUNCTIONS = ("engine::workers::register", "engine.workers.register")
"""The call with which a worker introduces itself; the oldest SDKs write it with dots."""

LONGEST_GRACE_S = 5.0
"""After this long at most a worker that does not introduce itself belongs to ``default``."""

MAX_WAITING_FRAMES = 25_000
"""More than one worker may register; whoever sends more is read no further for a while."""

PASSING = (m.InvocationResult, m.TriggerRegistrationResult, m.Reattach, m.Ping, m.Pong)
"""Messages that never wait; a worker's old connection goes before its registrations count."""

Act = Callable[[m.AnyMessage], Awaitable[None] | None]


class FrameGate:
    """The gate of one connection."""

    __slots__ = (
        "_act",
        "_deadline",
        "_draining",
        "_introducing",
        "_room",
        "_size",
        "_task",
        "_timer",
        "_waiting",
        "is_introduced",
        "is_open",
    )

    def __init__(self) -> None:
        self._act: Act = _ignore
        self._waiting: deque[m.AnyMessage] = deque()
        self._size = 0
        self._room: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._draining = False
        self._introducing = False
        self.is_introduced = False
        """Whether the namespace of the connection is settled."""
        self.is_open = False
        """Whether nothing waits and nothing has to."""

    def leads_to(self, act: Act) -> None:
        """Say what does what a message asks for."""
        self._act = act

    def handle(self, message: m.AnyMessage) -> Awaitable[None] | None:
        """Act on a message now or in its turn; await what comes back before the next one."""
        if self.is_open or isinstance(message, PASSING):
            return self._act(message)
        if self._task is None:
            if self._introduces(message):
                return self._begin_introduction(message)
            if not self._waits_for_introduction(message):
                return self._act(message)
        return self._wait_in_line(message)

    def introduce(self) -> None:
        """Let what waits for the introduction of the worker go on."""
        if not self.is_introduced:
            self.is_introduced = True
            self._stop_timer()
            self._go_on()

    def run(self, work: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
        """Have every later frame wait behind ``work``; a frame handler returns what comes back.

        ``work`` bounds its own waits. It may fail: that is logged, and the next frame has its turn.
        """
        if self._draining:
            return work
        self._begin(work)
        return None

    def close(self) -> None:
        """Forget what waits: the connection is gone."""
        self._act = _ignore
        self._waiting.clear()
        self._stop_timer()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._make_room()

    def _introduces(self, message: m.AnyMessage) -> bool:
        return (
            not self.is_introduced
            and isinstance(message, m.InvokeFunction)
            and message.function_id in REGISTER_FUNCTIONS
        )

    def _waits_for_introduction(self, message: m.AnyMessage) -> bool:
        """Calls of a worker that has registered nothing need not wait for anything."""
        if self.is_introduced:
            return False
        if self._introducing:
            return True
        is_call = isinstance(message, m.InvokeFunction)
        if settings.III_REGISTRATION_GRACE_S > 0:
            return bool(self._waiting) or not is_call
        if not is_call:
            # What is registered here stays here: the namespace must not change any more.
            self.introduce()
        return False

    def _begin_introduction(self, message: m.AnyMessage) -> Awaitable[None] | None:
        """Have what follows wait for the answer of this call, but not for ever."""
        self._introducing = True
        self._stop_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LONGEST_GRACE_S, self.introduce)
        return self._act(message)

    def _wait_in_line(self, message: m.AnyMessage) -> Awaitable[None] | None:
        self._waiting.append(message)
        self._size += _size_of(message)
        if not self.is_introduced and not self._introducing:
            self._start_timer()
        if len(self._waiting) <= MAX_WAITING_FRAMES and self._size <= settings.III_MAX_FRAME_BYTES:
            return None
        return self._wait_for_room()

    def _start_timer(self) -> None:
        """Wait until the worker has been quiet for the grace time, up to the longest one."""
        loop = asyncio.get_running_loop()
        if self._deadline is None:
            self._deadline = loop.time() + LONGEST_GRACE_S
        self._stop_timer()
        at = min(loop.time() + settings.III_REGISTRATION_GRACE_S, self._deadline)
        self._timer = loop.call_at(at, self.introduce)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _wait_for_room(self) -> None:
        """Read no further while too much waits; what it waits for has a deadline of its own."""
        self._room = self._room or asyncio.Event()
        self._room.clear()
        await self._room.wait()

    def _make_room(self) -> None:
        self._size = 0
        if self._room is not None:
            self._room.set()

    def _go_on(self) -> None:
        if self._task is not None:
            return
        if self._waiting:
            self._begin(None)
        else:
            self.is_open = self.is_introduced

    def _begin(self, work: Coroutine[Any, Any, None] | None) -> None:
        self.is_open = False
        self._task = asyncio.get_running_loop().create_task(self._work_off(work))

    async def _work_off(self, work: Coroutine[Any, Any, None] | None) -> None:
        """Do ``work``, then what waited behind it, one message after the other."""
        self._draining = True
        try:
            if work is not None:
                await _settle(work)
            while self._waiting:
                await self._take(self._waiting.popleft())
        finally:
            self._draining, self._task = False, None
            self._make_room()
        self._go_on()

    async def _take(self, message: m.AnyMessage) -> None:
        try:
            waits = self._act(message)
        except Exception as error:  # noqa: BLE001 - one bad frame must not stop the others
            _log(error)
            return
        if waits is not None:
            await _settle(waits)


def _size_of(message: m.AnyMessage) -> int:
    """Return about how much of a frame is not of a fixed size."""
    if isinstance(message, m.InvokeFunction):
        return len(message.data)
    return len(encode(message))


def _ignore(message: m.AnyMessage) -> None:
    """Do nothing: the connection is closed, or was never opened."""


async def _settle(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - one bad frame must not stop the others
        _log(error)


def _log(error: Exception) -> None:
    if isinstance(error, IiiError):
        logger.warning("A registration was refused: %s", one_line(error.message))
    else:
        logger.error("A frame could not be handled.", exc_info=error)
