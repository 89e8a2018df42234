"""Calls from here that other nodes run: the caller's side of the bus."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    FunctionNotFound,
    IiiError,
    InvocationStopped,
)

from .bus import Bus
from .bus_messages import (
    CallMessage,
    ForgetMessage,
    RefusedMessage,
    ResultMessage,
    RunningMessage,
    TakenMessage,
    outcome_of,
)
from .calls import Pending
from .invocation import Invoker, timeout_s
from .payload import Payload
from .remote_functions import RemoteNode, RemoteOffer

REPEAT_S = 1.5
"""After how long without an answer a call is sent once more; it was lost, or the answer was."""
FIRST_SIGN_S = 5.0
"""After how long without an answer, to this call and others, the node counts as out of reach."""
SILENCE_S = 20.0
"""After how long without another sign of life a call that ran counts as stopped."""
TAKEN_S = 0.1
"""How long the news that outcomes arrived may wait for more of the kind."""
GONE_S = 1.0
"""How long the outcome of a node that left may still be under way."""


@dataclass(slots=True, kw_only=True, eq=False)
class RemoteCall:
    """A call that another node was asked to run."""

    id: str
    pending: Pending
    offer: RemoteOffer
    message: CallMessage | None
    """None once the node has answered."""
    timer: asyncio.TimerHandle | None = None

    @property
    def node(self) -> RemoteNode:
        """The node that was asked."""
        return self.offer.node


class RemoteCalls:
    """Sends calls, watches for signs of life, and takes outcomes, each once."""

    def __init__(self, *, bus: Bus, invoker: Invoker) -> None:
        self._bus = bus
        self._invoker = invoker
        self._calls: dict[str, RemoteCall] = {}
        self._of: dict[Pending, RemoteCall] = {}
        self._taken: dict[str, list[str]] = {}
        """Ids of the outcomes that came, by the channel that is to know."""
        self.on_refused: Callable[[RemoteNode], None] | None = None
        """Told that a node has no worker any more for what its rows say it offers."""
        bus.on(RunningMessage, self._on_running)
        bus.on(RefusedMessage, self._on_refused)
        bus.on(ResultMessage, self._on_result)

    def begin(self, pending: Pending, offer: RemoteOffer) -> None:
        """Send a call to the node of ``offer``; raise SerializationFailed."""
        message = self._message(pending)
        call = RemoteCall(id=message.id, pending=pending, offer=offer, message=message)
        self._calls[call.id] = self._of[pending] = call
        self._invoker.functions.remote.begin(offer)
        self._watch(call, REPEAT_S, partial(self._repeat, call))
        if self._bus.channel:
            self._send(call)
        else:
            self._lost(call, ChannelSendFailed("The channel layer is away."))

    def forget(self, pending: Pending) -> None:
        """Tell the node that nobody waits any more, unless it has told the outcome."""
        call = self._of.get(pending)
        if call is not None:
            self._drop(call)
            self._bus.send(call.node.channel, ForgetMessage(id=call.id))

    def node_gone(self, node: RemoteNode) -> None:
        """End what a node ran that is no more."""
        for call in [call for call in self._calls.values() if call.node is node]:
            if call.message is not None:
                self._unreachable(call, ChannelSendFailed("The other process is gone."))
            else:
                self._watch(call, GONE_S, partial(self._stopped, call))

    def _message(self, pending: Pending) -> CallMessage:
        call = pending.call
        metadata = None if call.metadata is None else Payload.of(call.metadata).json()
        return CallMessage(
            id=uuid.uuid4().hex,
            reply_to=self._bus.channel,
            function_id=call.function_id,
            namespace=call.namespace,
            data=call.data.json(),
            metadata=metadata,
            invocation_id=pending.id,
            traceparent=call.traceparent,
            baggage=call.baggage,
            timeout_ms=int(timeout_s(call) * 1000),
        )

    def _send(self, call: RemoteCall) -> None:
        if call.message is not None:
            on_lost = partial(self._lost, call)
            self._bus.send(call.node.channel, call.message, within_s=FIRST_SIGN_S, on_lost=on_lost)

    def _lost(self, call: RemoteCall, error: ChannelSendFailed) -> None:
        if call.message is not None:
            self._unreachable(call, error)

    def _repeat(self, call: RemoteCall) -> None:
        """Send a call again; a node that has it already only says so."""
        self._send(call)
        self._watch(call, FIRST_SIGN_S - REPEAT_S, partial(self._doubt, call))

    def _doubt(self, call: RemoteCall) -> None:
        """Give a node up that answers nobody; one that answers others has much to do.

        To pass the call on then would be to run it twice. It has its own deadline.
        """
        quiet_s = asyncio.get_running_loop().time() - call.node.answered_at
        if quiet_s < FIRST_SIGN_S - REPEAT_S:
            self._repeat(call)
        else:
            self._unreachable(call, ChannelSendFailed("The other process did not answer."))

    def _unreachable(self, call: RemoteCall, error: ChannelSendFailed) -> None:
        if call.id in self._calls:
            call.node.is_silent = True
            # It may have the call all the same: it must not run it twice with another node.
            self._bus.send(call.node.channel, ForgetMessage(id=call.id))
            self._pass_on(call, error)

    def _pass_on(self, call: RemoteCall, error: IiiError) -> None:
        self._drop(call)
        self._invoker.try_elsewhere(call.pending, error)

    def _stopped(self, call: RemoteCall) -> None:
        if call.id in self._calls:
            self._drop(call)
            self._invoker.finish(call.pending, InvocationStopped())

    def _on_running(self, message: RunningMessage) -> None:
        call = self._calls.get(message.id)
        if call is not None:
            self._heard(call)
            call.offer.load.tell(message.load)
            self._watch(call, SILENCE_S, partial(self._stopped, call))

    def _on_refused(self, message: RefusedMessage) -> None:
        call = self._calls.get(message.id)
        if call is not None:
            self._heard(call)
            info = call.offer.info
            self._invoker.functions.remote.withdraw(info.key, call.node)
            if self.on_refused is not None:
                self.on_refused(call.node)
            error = FunctionNotFound.of(info.function_id, info.namespace, elsewhere=[])
            self._pass_on(call, error)

    def _on_result(self, message: ResultMessage) -> None:
        self._acknowledge(message)
        call = self._calls.get(message.id)
        if call is not None:
            self._heard(call)
            self._drop(call)
            call.offer.load.tell(message.load)
            self._invoker.finish(call.pending, outcome_of(message))

    def _acknowledge(self, message: ResultMessage) -> None:
        waiting = self._taken.get(message.reply_to)
        if waiting is not None:
            waiting.append(message.id)
            return
        self._taken[message.reply_to] = [message.id]
        asyncio.get_running_loop().call_later(TAKEN_S, self._send_taken, message.reply_to)

    def _send_taken(self, channel: str) -> None:
        self._bus.send(channel, TakenMessage(id="taken", ids=self._taken.pop(channel)))

    def _heard(self, call: RemoteCall) -> None:
        call.message = None
        call.node.is_silent = False
        call.node.answered_at = asyncio.get_running_loop().time()

    def _drop(self, call: RemoteCall) -> None:
        if self._calls.pop(call.id, None) is None:
            return
        self._of.pop(call.pending, None)
        call.offer.load.end()
        if call.timer is not None:
            call.timer.cancel()

    def _watch(self, call: RemoteCall, delay_s: float, then: Callable[[], None]) -> None:
        if call.timer is not None:
            call.timer.cancel()
        call.timer = asyncio.get_running_loop().call_later(delay_s, then)
