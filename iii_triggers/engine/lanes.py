"""Firing in order: the triggers of one event one after another, and one event after the other.

Each key has a lane of its own and lanes run beside each other. Nobody waits for a lane, so what
may wait in it is limited. Lanes are made of calls only, without tasks of their own: the engine
that stops waits for them as it does for every call.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial

from iii_triggers.context import current_traceparent
from iii_triggers.protocol.errors import IiiError

from .calls import Call, Done, Outcome
from .firing import about
from .invocation import Invoker
from .payload import Payload
from .trigger_values import Trigger

logger = logging.getLogger(__name__)

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""How much may wait in all lanes together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One trigger that fires, if its condition holds."""

    trigger: Trigger
    data: bytes
    """The input of the function, and of the condition, as JSON."""
    condition: str | None = None
    traceparent: str | None = field(default_factory=lambda: current_traceparent() or None)
    """The trace of what caused it, which is over when it has its turn."""


@dataclass(slots=True, eq=False)
class _Lane:
    waiting: deque[Firing] = field(default_factory=deque)
    is_busy: bool = False
    """Whether a call of it is under way."""
    is_pumped: bool = False


@dataclass(slots=True, kw_only=True)
class Lanes:
    """Runs firings in the order in which they were added to their lane."""

    invoker: Invoker
    limit: Callable[[], int]
    """How many firings may wait in one lane."""
    _lanes: dict[Hashable, _Lane] = field(default_factory=dict)
    _bytes: int = 0

    def add(self, key: Hashable, firings: Sequence[Firing]) -> bool:
        """Fire soon, after what waits in the lane; tell whether there was room.

        Without room all of them are dropped: what triggers of an event saw is never half of it.
        """
        if not firings:
            return True
        lane = self._lanes.get(key)
        waiting = len(lane.waiting) if lane else 0
        size = sum(len(firing.data) for firing in firings)
        # One that nothing stands before always runs, however large.
        if waiting and (
            waiting + len(firings) > self.limit() or self._bytes + size > MAX_WAITING_BYTES
        ):
            return False
        lane = self._lanes.setdefault(key, _Lane())
        lane.waiting.extend(firings)
        self._bytes += size
        self._pump(key, lane)
        return True

    def clear(self) -> None:
        """Give up what waits, because the engine stops; what runs goes on."""
        for lane in self._lanes.values():
            lane.waiting.clear()
        self._bytes = 0

    def _pump(self, key: Hashable, lane: _Lane) -> None:
        """Begin calls as long as they end at once; a loop, because that may be very often."""
        if lane.is_pumped:
            return
        lane.is_pumped = True
        while lane.waiting and not lane.is_busy:
            firing = lane.waiting.popleft()
            self._bytes -= len(firing.data)
            lane.is_busy = True
            self._begin(firing, partial(self._next, key, lane))
        lane.is_pumped = False
        if not lane.is_busy:
            self._lanes.pop(key, None)

    def _next(self, key: Hashable, lane: _Lane, outcome: Outcome) -> None:
        lane.is_busy = False
        self._pump(key, lane)

    def _begin(self, firing: Firing, done: Done) -> None:
        if firing.condition is None:
            self._run(firing, done)
            return
        call = _call(firing, firing.condition)
        call.invocation_id = id_ = self.invoker.new_id()
        self.invoker.start(call, partial(self._judge, firing, id_, done))

    def _judge(self, firing: Firing, invocation_id: str, done: Done, outcome: Outcome) -> None:
        """Go on unless the condition said no, or failed (trigger reference, section 1.4)."""
        if isinstance(outcome, IiiError):
            _log(firing, invocation_id, outcome, "did not fire, because its condition failed")
            done(outcome)
            return
        try:
            is_no = outcome.value() is False
        except IiiError as error:
            # Valid JSON of a worker may hold what cannot be read here, such as 1e999.
            _log(firing, invocation_id, error, "did not fire, because its condition failed")
            done(error)
            return
        if is_no:
            done(outcome)
        else:
            self._run(firing, done)

    def _run(self, firing: Firing, done: Done) -> None:
        call = _call(firing, firing.trigger.function_id)
        call.cause = firing.trigger.cause
        call.invocation_id = id_ = self.invoker.new_id()
        self.invoker.start(call, partial(_finish, firing, id_, done))


def _finish(firing: Firing, invocation_id: str, done: Done, outcome: Outcome) -> None:
    if isinstance(outcome, IiiError):
        _log(firing, invocation_id, outcome, "failed")
    done(outcome)


def _call(firing: Firing, function_id: str) -> Call:
    trigger = firing.trigger
    return Call(
        function_id=function_id,
        namespace=trigger.namespace,
        data=Payload.of_json(firing.data),
        metadata=trigger.metadata,
        traceparent=firing.traceparent,
    )


def _log(firing: Firing, invocation_id: str, error: IiiError, what: str) -> None:
    extra = about(firing.trigger, invocation_id)
    logger.warning("Trigger %s %s: %s", firing.trigger.id, what, error.message, extra=extra)
