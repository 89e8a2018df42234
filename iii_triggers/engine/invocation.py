"""Invocations: find who runs a function, have it run, hand back the outcome.

Everything here runs on the engine's event loop. A call to a worker is one frame and one entry in
the table of its connection; no task, database or channel layer is involved.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Raw

from iii_triggers.conf import settings
from iii_triggers.protocol.codec import tidy_error
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    FunctionNotFound,
    IiiError,
    InvocationFailed,
    InvocationStopped,
    InvocationTimeout,
    LimitExceeded,
)
from iii_triggers.protocol.messages import InvocationResult, InvokeFunction

from .calls import Away, Call, Done, Outcome, Pending, Recorder
from .connections import WorkerConnection
from .functions import FunctionTable, LocalFunction, Offer
from .handlers import Work, outcome_of, run_handler
from .http_functions.client import HttpFunctions
from .ids import IdSource
from .payload import Payload
from .remote_functions import RemoteOffer
from .threads import SiteThreads

if TYPE_CHECKING:
    from .tracing.spans import Spans

logger = logging.getLogger(__name__)

CANCEL_TIMEOUT_S = 1.0


@dataclass(slots=True)
class Invoker:
    """Runs calls on workers and in this process."""

    functions: FunctionTable
    threads: SiteThreads = field(default_factory=SiteThreads)
    http: HttpFunctions = field(default_factory=HttpFunctions)
    new_id: IdSource = field(default_factory=IdSource)
    stuck: set[asyncio.Task[None]] = field(default_factory=set)
    """Functions that did not end when the engine stopped, though they were cancelled."""
    away: Away | None = None
    """None as long as no other node can be reached."""
    history: Recorder | None = None
    tracer: Spans | None = None
    """None as long as the site has no OpenTelemetry."""
    is_stopped: bool = False
    _pending: set[Pending] = field(default_factory=set)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pending(self) -> Collection[Pending]:
        """The calls that wait for their outcome."""
        return self._pending

    @property
    def in_flight(self) -> int:
        """How many calls wait for their outcome."""
        return len(self._pending)

    async def invoke(self, call: Call) -> Payload:
        """Run ``call`` and return its result.

        Raises the IiiError it ended with: FunctionNotFound, InvocationTimeout, InvocationStopped,
        ChannelSendFailed, PayloadTooLarge, or InvocationFailed with the code of the function.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def settle(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        self.start(call, settle)
        outcome = await future
        if isinstance(outcome, IiiError):
            raise outcome
        return outcome

    def start(self, call: Call, done: Done) -> Pending | None:
        """Begin ``call``; ``done`` is called once with its outcome, maybe before this returns.

        Return what waits for the outcome, None if nothing does any more.
        """
        if self.is_stopped:
            done(InvocationStopped())
            return None
        target = self.functions.find(call.namespace, call.function_id)
        if target is None and call.caller is not None and call.caller.draining:
            target = self.functions.find_leaving(call.namespace, call.function_id)
        pending = self._new(call, done)
        if target is None:
            self._refuse(pending, self._not_found(call))
            return None
        if call.caller and len(call.caller.calling) >= settings.III_MAX_IN_FLIGHT_PER_WORKER:
            self._refuse(pending, LimitExceeded("The worker has too many calls in flight."))
            return None
        if self.tracer is not None:
            self.tracer.begin(pending, target)
        self._begin(pending, target)
        return pending if pending in self._pending else None

    def set_deadline(self, pending: Pending, timeout_s: float | None) -> None:
        """Let a call that waits take this long from now on; None is as long as it likes."""
        if pending not in self._pending:
            return
        if pending.timer is not None:
            pending.timer.cancel()
            pending.timer = None
        if timeout_s is not None:
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_later(timeout_s, self._expire, pending)

    def start_here(self, call: Call, done: Done) -> bool:
        """Begin ``call`` on a worker of this node; tell whether one offers the function."""
        offer = self.functions.find_here(call.namespace, call.function_id)
        if offer is not None:
            pending = self._new(call, done)
            pending.stays_here = True
            if self.tracer is not None:
                self.tracer.begin(pending, offer)
            self._send(pending, offer)
        return offer is not None

    def finish(self, pending: Pending, outcome: Outcome) -> None:
        """End a call, unless it has ended."""
        self._finish(pending, outcome)

    def try_elsewhere(self, pending: Pending, error: IiiError) -> None:
        """Pass a call on that the node it was sent to did not take; ``error`` if nobody can."""
        if pending not in self._pending or pending.away is None:
            return
        pending.tried |= {pending.away.node.node_id}
        pending.away = None
        self._begin_again(pending, error)

    def accept_result(self, executor: WorkerConnection, message: InvocationResult) -> bool:
        """Take a worker's answer; tell whether a call waited for it on this very connection."""
        pending = executor.executing.get(message.invocation_id or "")
        if pending is None:
            return False
        if message.error is not None:
            error = tidy_error(message.error)
            self._finish(
                pending,
                InvocationFailed(error.message, code=error.code, stacktrace=error.stacktrace),
            )
        else:
            self._finish(pending, Payload.of_result(message.result))
        return True

    def connection_closed(self, connection: WorkerConnection) -> None:
        """End what the worker ran, and forget what it asked for."""
        for pending in list(connection.executing.values()):
            self._finish(pending, InvocationStopped())
        for pending in list(connection.calling):
            pending.done = _ignore
            if pending.executor is not None or pending.away is not None:
                self._finish(pending, InvocationStopped("The caller went away."))

    async def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is in flight; tell whether that happened in time."""
        if not self._pending:
            return True
        self._idle.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End everything in flight with InvocationStopped."""
        self.is_stopped = True
        tasks = [pending.task for pending in self._pending if pending.task is not None]
        for pending in list(self._pending):
            self._finish(pending, InvocationStopped())
        if tasks:
            _, self.stuck = await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT_S)
        self.threads.shutdown()
        await self.http.close()

    def _new(self, call: Call, done: Done) -> Pending:
        return Pending(id=call.invocation_id or self.new_id(), call=call, done=done)

    def _not_found(self, call: Call) -> FunctionNotFound:
        elsewhere = self.functions.namespaces_of(call.function_id)
        return FunctionNotFound.of(call.function_id, call.namespace, elsewhere=elsewhere)

    def _refuse(self, pending: Pending, error: IiiError) -> None:
        self._note(pending, error)
        pending.done(error)

    def _begin(self, pending: Pending, target: Offer | RemoteOffer | LocalFunction) -> None:
        if isinstance(target, Offer):
            self._send(pending, target)
        elif isinstance(target, LocalFunction):
            self._track(pending)
            if self.history is not None:
                self.history.keep_input(pending)
            work = partial(run_handler, pending, target, self.threads)
            self._run(pending, work, keeps_errors=target.is_builtin)
        else:
            self._send_away(pending, target)

    def _send(self, pending: Pending, offer: Offer) -> None:
        if offer.http is not None:
            self._track(pending)
            self._run(pending, partial(self.http.call, offer.http, pending.call))
            return
        executor = offer.connection
        if pending.id in executor.executing:
            pending.id = self.new_id()
        call = pending.call
        frame = InvokeFunction(
            function_id=offer.own_id,
            data=Raw(b"null"),
            invocation_id=pending.id,
            traceparent=call.traceparent,
            baggage=call.baggage,
            metadata=call.metadata,
        )
        try:
            frame.data = Raw(call.data.json())
            executor.send(frame)
        except ChannelSendFailed as error:
            self._begin_elsewhere(pending, offer, error)
            return
        except IiiError as error:
            self._fail(pending, error)
            return
        pending.executor = executor
        executor.begin(pending)
        self._track(pending)

    def _send_away(self, pending: Pending, offer: RemoteOffer) -> None:
        self._track(pending)
        pending.away = offer
        try:
            if self.away is not None:
                self.away.begin(pending, offer)
        except IiiError as error:
            self._finish(pending, error)

    def _begin_elsewhere(self, pending: Pending, dead: Offer, error: ChannelSendFailed) -> None:
        """Withdraw what a dead socket offers, and ask who else has the function."""
        self.functions.withdraw(dead.info.namespace, dead.info.function_id, dead.connection)
        self._begin_again(pending, error)

    def _begin_again(self, pending: Pending, error: IiiError) -> None:
        call = pending.call
        target: Offer | RemoteOffer | LocalFunction | None
        if pending.stays_here:
            target = self.functions.find_here(call.namespace, call.function_id)
        else:
            target = self.functions.find(call.namespace, call.function_id, without=pending.tried)
        if target is None:
            self._fail(pending, error)
        else:
            self._begin(pending, target)

    def _fail(self, pending: Pending, error: IiiError) -> None:
        self._track(pending)
        self._finish(pending, error)

    def _track(self, pending: Pending) -> None:
        self._pending.add(pending)
        if pending.call.caller is not None:
            pending.call.caller.calling.add(pending)
        if pending.timer is None:
            loop = asyncio.get_running_loop()
            pending.timer = loop.call_later(timeout_s(pending.call), self._expire, pending)

    def _expire(self, pending: Pending) -> None:
        self._finish(pending, InvocationTimeout())

    def _finish(self, pending: Pending, outcome: Outcome) -> None:
        if pending not in self._pending:
            return
        self._pending.remove(pending)
        if pending.executor is not None:
            pending.executor.end(pending.id, failed=isinstance(outcome, IiiError))
        if pending.call.caller is not None:
            pending.call.caller.calling.discard(pending)
        if pending.timer is not None:
            pending.timer.cancel()
        if pending.away is not None and self.away is not None:
            self.away.forget(pending)
        if pending.task is not None and pending.task is not asyncio.current_task():
            pending.task.cancel()
        self._note(pending, outcome)
        try:
            pending.done(outcome)
        except ChannelSendFailed:
            logger.debug("The caller of %s went away.", pending.call.function_id)
        if not self._pending:
            self._idle.set()

    def _note(self, pending: Pending, outcome: Outcome) -> None:
        if self.tracer is not None:
            self.tracer.end(pending, outcome)
        if self.history is not None:
            self.history.ended(pending, outcome)

    def _run(self, pending: Pending, work: Work, *, keeps_errors: bool = True) -> None:
        task = self._outcome(pending, work, keeps_errors=keeps_errors)
        pending.task = asyncio.get_running_loop().create_task(task)

    async def _outcome(self, pending: Pending, work: Work, *, keeps_errors: bool) -> None:
        try:
            outcome = await outcome_of(pending, work, keeps_errors=keeps_errors)
        except asyncio.CancelledError:
            if pending not in self._pending:
                raise
            outcome = InvocationFailed("The function was cancelled.")
        # It ends by itself: nothing is to be cancelled, and nobody asks which task this is.
        pending.task = None
        self._finish(pending, outcome)


def timeout_s(call: Call) -> float:
    """Return how many seconds a call may take."""
    if call.timeout_s is not None:
        return call.timeout_s
    return settings.III_DEFAULT_TIMEOUT_MS / 1000


def _ignore(outcome: Outcome) -> None:
    """Take an outcome nobody waits for any more."""
