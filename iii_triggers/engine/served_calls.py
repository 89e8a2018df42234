"""Calls of other nodes that workers of this node run: the executing side of the bus."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial

from iii_triggers.protocol.codec import from_json
from iii_triggers.protocol.errors import ChannelSendFailed, LimitExceeded

from .bus import Bus
from .bus_messages import (
    BusMessage,
    CallMessage,
    ForgetMessage,
    RefusedMessage,
    ResultMessage,
    RunningMessage,
    TakenMessage,
    result_of,
)
from .calls import Call, Outcome
from .invocation import Invoker
from .payload import Payload
from .seen import Seen

logger = logging.getLogger(__name__)

MAX_SERVED = 10_000
"""Calls of other nodes that may run here at the same time."""
FIRST_SIGN_S = 1.0
SIGN_S = 5.0
RESULT_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses after which an outcome that was not acknowledged is sent again."""


@dataclass(slots=True, kw_only=True, eq=False)
class ServedCall:
    """A call that runs here, or whose outcome the caller has not acknowledged."""

    message: CallMessage
    result: ResultMessage | None = None
    pauses: list[float] = field(default_factory=lambda: list(RESULT_PAUSES_S))
    timer: asyncio.TimerHandle | None = None


class ServedCalls:
    """Runs each call once, however often it comes, and tells its outcome until it is heard."""

    def __init__(self, *, bus: Bus, invoker: Invoker) -> None:
        self._bus = bus
        self._invoker = invoker
        self._calls: dict[str, ServedCall] = {}
        self._seen = Seen()
        bus.on(CallMessage, self._on_call)
        bus.on(ForgetMessage, self._on_forget)
        bus.on(TakenMessage, self._on_taken)

    def caller_gone(self, channel: str) -> None:
        """Tell a node that is no more nothing further."""
        for id_ in [id_ for id_, c in self._calls.items() if c.message.reply_to == channel]:
            self._drop(id_)

    def _on_call(self, message: CallMessage) -> None:
        known = self._calls.get(message.id)
        if known is not None:
            self._reply(known, known.result or self._running(message))
        elif message.id not in self._seen:
            self._begin(ServedCall(message=message))

    def _begin(self, served: ServedCall) -> None:
        message = served.message
        if len(self._calls) >= MAX_SERVED:
            error = LimitExceeded("The process has too many calls of others in flight.")
            self._reply(served, result_of(message, self._bus.channel, error))
            return
        self._calls[message.id] = served
        self._seen.add(message.id)
        self._later(served, FIRST_SIGN_S, partial(self._sign, served))
        if not self._invoker.start_here(_call(message), partial(self._done, served)):
            self._refuse(served)

    def _refuse(self, served: ServedCall) -> None:
        """Say that the call did not start here: it may be tried elsewhere."""
        self._drop(served.message.id)
        # If the answer is lost the call comes again, and gets another.
        self._seen.discard(served.message.id)
        self._reply(served, RefusedMessage(id=served.message.id))

    def _sign(self, served: ServedCall) -> None:
        self._reply(served, self._running(served.message))
        self._later(served, SIGN_S, partial(self._sign, served))

    def _running(self, message: CallMessage) -> RunningMessage:
        return RunningMessage(id=message.id, load=self._load(message))

    def _load(self, message: CallMessage) -> int:
        return self._invoker.functions.executing(message.namespace, message.function_id)

    def _done(self, served: ServedCall, outcome: Outcome) -> None:
        if served.message.id not in self._calls:
            return
        if isinstance(outcome, ChannelSendFailed):
            self._refuse(served)
        else:
            served.result = result_of(served.message, self._bus.channel, outcome)
            served.result.load = self._load(served.message)
            self._tell(served)

    def _tell(self, served: ServedCall) -> None:
        """Send the outcome, and again until it is acknowledged."""
        if served.result is None:
            return
        self._reply(served, served.result)
        if served.pauses:
            self._later(served, served.pauses.pop(0), partial(self._tell, served))
        else:
            message = served.message
            extra = {"invocation_id": message.invocation_id, "namespace": message.namespace}
            logger.warning("The caller of %s took no outcome.", message.function_id, extra=extra)
            self._drop(served.message.id)

    def _on_forget(self, message: ForgetMessage) -> None:
        # A call that comes later than its end must not run.
        self._seen.add(message.id)
        self._drop(message.id)

    def _on_taken(self, message: TakenMessage) -> None:
        for id_ in message.ids:
            self._drop(id_)

    def _drop(self, id_: str) -> None:
        served = self._calls.pop(id_, None)
        if served is not None and served.timer is not None:
            served.timer.cancel()

    def _reply(self, served: ServedCall, message: BusMessage) -> None:
        self._bus.send(served.message.reply_to, message)

    def _later(self, served: ServedCall, delay_s: float, then: partial[None]) -> None:
        if served.timer is not None:
            served.timer.cancel()
        served.timer = asyncio.get_running_loop().call_later(delay_s, then)


def _call(message: CallMessage) -> Call:
    return Call(
        function_id=message.function_id,
        data=Payload.of_json(message.data),
        namespace=message.namespace,
        metadata=from_json(message.metadata),
        invocation_id=message.invocation_id,
        timeout_s=message.timeout_ms / 1000,
        traceparent=message.traceparent,
        baggage=message.baggage,
    )
