"""The parts of a client, wired together: what the public methods of the client work on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

from iii_triggers.protocol.codec import encode
from iii_triggers.protocol.messages import (
    InvocationResult,
    InvokeFunction,
    Message,
    Ping,
    Pong,
    Reattach,
    RegisterTrigger,
    TriggerRegistrationResult,
    UnregisterFunction,
    UnregisterTrigger,
    WorkerRegistered,
)

from .calls import PendingCalls
from .confirmations import Confirmations
from .connection import Connection, Events
from .inbound import Inbound, Routes
from .invocations import Invocations
from .provider import Provider
from .registry import Registry
from .rejections import Rejections
from .settings import Settings
from .slots import Slots
from .specs import call_message, frame_of
from .user_code import UserCode

REGISTER_WORKER = "engine::workers::register"
FLUSH_S = 5.0


class Session:
    """One worker, whichever connection it has at the moment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry = Registry()
        self.calls = PendingCalls()
        self.slots = Slots(settings.concurrency)
        self.user_code = UserCode(concurrency=settings.concurrency)
        self.provider = Provider(user_code=self.user_code, reply=self.post)
        self.confirmations = Confirmations(send=self.post, timeout_s=settings.call_timeout_s)
        self.invocations = Invocations(
            self.registry, user_code=self.user_code, slots=self.slots, reply=self.post
        )
        self.rejections = Rejections(
            self.registry, confirmations=self.confirmations, user_code=self.user_code
        )
        received = Inbound(self._routes()).receive
        events = Events(greeting=self._greeting, received=received, lost=self._on_lost)
        self.connection = Connection(settings, events)
        self.outbox = self.connection.outbox
        self._reattach: Reattach | None = None

    def post(self, message: Message) -> None:
        """Send ``message``, or drop it: without a connection nobody waits for it."""
        self.outbox.put(encode(message))

    async def call(
        self, function_id: str, data: Any, *, namespace: str | None, metadata: Any
    ) -> Any:
        """Call a function and wait for its result, without a limit."""
        invocation_id = str(uuid4())
        frame = self._call_frame(function_id, data, invocation_id, namespace, metadata)
        await self.outbox.room()
        outgoing = self.outbox.put(frame, keep=True)
        try:
            return await self.calls.result(invocation_id, outgoing)
        finally:
            self.outbox.discard(outgoing)

    async def call_void(
        self, function_id: str, data: Any, *, namespace: str | None, metadata: Any
    ) -> None:
        """Send a call whose outcome nobody wants."""
        frame = self._call_frame(function_id, data, None, namespace, metadata)
        await self.outbox.room()
        self.outbox.put(frame, keep=True)

    async def drain(self, *, grace_s: float) -> None:
        """Withdraw the functions, then wait for what runs and for its results to be written."""
        for function_id in self.registry.functions:
            self.post(UnregisterFunction(function_id))
        # Whatever the engine sent before it knew has arrived once it has answered.
        await _within(grace_s, self._confirm())
        await self.invocations.finish(grace_s=grace_s)
        await _within(FLUSH_S, self.outbox.drained())

    async def close(self) -> None:
        """Fail the calls in flight, cancel callbacks and close the connection."""
        self.calls.shut_down()
        self.provider.close()
        await self.connection.stop()
        self.user_code.close()

    async def _confirm(self) -> None:
        if self.outbox.online:
            await self.confirmations.confirm()

    def _call_frame(
        self,
        function_id: str,
        data: Any,
        invocation_id: str | None,
        namespace: str | None,
        metadata: Any,
    ) -> str:
        message = call_message(
            function_id,
            data,
            invocation_id=invocation_id,
            namespace=namespace or self.settings.namespace,
            metadata=metadata,
        )
        return frame_of(message)

    def _routes(self) -> Routes:
        return {
            WorkerRegistered: self._on_registered,
            InvokeFunction: self.invocations.start,
            InvocationResult: self.calls.resolve,
            RegisterTrigger: self.provider.register,
            UnregisterTrigger: self.provider.unregister,
            TriggerRegistrationResult: self.rejections.receive,
            Ping: lambda _: self.post(Pong()),
            Pong: lambda _: self.confirmations.pong(),
        }

    def _greeting(self) -> tuple[list[str], list[str]]:
        reattach = [] if self._reattach is None else [encode(self._reattach)]
        register = self._call_frame(REGISTER_WORKER, self.settings.identity(), None, None, None)
        return [*reattach, *self.registry.frames()], [register]

    def _on_registered(self, message: WorkerRegistered) -> None:
        self._reattach = Reattach(message.worker_id, message.reattach_token)
        self.connection.welcome()

    def _on_lost(self) -> None:
        self.calls.lost()
        self.confirmations.lost()


async def _within(limit_s: float, work: Coroutine[Any, Any, None]) -> None:
    """Await ``work``, but give up quietly after ``limit_s``."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, limit_s)
