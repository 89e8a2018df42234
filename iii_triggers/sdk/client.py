"""The client for asyncio code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, Unpack

from iii_triggers.protocol.errors import (
    InvalidArguments,
    InvocationStopped,
    InvocationTimeout,
    TriggerRejected,
)
from iii_triggers.protocol.messages import (
    UnregisterFunction,
    UnregisterTrigger,
    UnregisterTriggerType,
)

from .provider import Callback, TriggerHandler
from .registry import FunctionEntry, TriggerEntry
from .session import Session
from .settings import Options, Settings, default_url
from .specs import Spec, frame_of, function_message, trigger_message, trigger_type_message

GRACE_S = 30.0


class AsyncClient:
    """A worker of the engine at ``url``, for one event loop; ``Options`` says what it takes.

    Registrations last: they are repeated, with the same ids, on each connection, and may be made
    before there is one. Handlers and callbacks may be coroutine functions or plain functions, which
    run on threads. Not thread-safe; ``Client`` is.
    """

    def __init__(self, url: str | None = None, **options: Unpack[Options]) -> None:
        self._session = Session(Settings(url=url or default_url(), **options))
        self._outbox = self._session.outbox
        self._registry = self._session.registry
        self._closing = False
        self._over = False
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.shutdown()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection right now."""
        return self._outbox.online

    async def connect(self) -> None:
        """Start, and return when the first attempt to connect has succeeded or failed.

        A failure is logged, not raised: the client goes on trying. See ``wait_connected``.
        """
        self._refuse_if_closed()
        await self._session.connection.start()

    async def wait_connected(self, *, timeout_s: float | None = None) -> None:
        """Wait until there is a connection; raise TimeoutError after ``timeout_s``."""
        async with asyncio.timeout(timeout_s):
            await self._session.connection.connected()

    async def wait_closed(self) -> None:
        """Wait until somebody has shut the client down."""
        await self._closed.wait()

    async def shutdown(self, *, grace_s: float = GRACE_S) -> None:
        """Take no new invocations, let what runs finish within ``grace_s``, and close.

        Functions are unregistered first; triggers end with the connection, so that queue
        subscriptions outlive a restart. Handlers still running after the grace are cancelled;
        plain ones on threads cannot be. Idempotent.
        """
        if self._closing:
            await self._closed.wait()
            return
        self._closing = True
        self._session.connection.retire()
        try:
            await self._session.drain(grace_s=grace_s)
        finally:
            self._over = True
            await self._session.close()
            self._closed.set()

    def register_function(
        self,
        spec: str | Spec,
        handler: Callable[..., Any],
        *,
        description: str | None = None,
        request_format: Any = None,
        response_format: Any = None,
        metadata: Any = None,
    ) -> None:
        """Offer a function; ``spec`` is its id or ``{"id": ..., "description": ..., ...}``.

        ``handler`` gets the decoded JSON input and returns JSON; None means no result. What it
        raises reaches the caller as ``{code, message, stacktrace}``: the code of an IiiError, else
        ``invocation_failed``. The same id again replaces the handler.
        """
        fields = {
            "description": description,
            "request_format": request_format,
            "response_format": response_format,
            "metadata": metadata,
        }
        message = function_message(spec, fields)
        frame = frame_of(message)
        self._registry.functions[message.id] = FunctionEntry(frame, handler)
        self._outbox.put(frame)

    def unregister_function(self, function_id: str) -> None:
        """Withdraw a function; what runs of it finishes. Unknown ids are ignored."""
        if self._registry.functions.pop(function_id, None) is not None:
            self._session.post(UnregisterFunction(function_id))

    async def register_trigger(self, spec: Spec | None = None, /, **fields: Any) -> str:
        """Bind a function to a trigger type and return the id of the trigger.

        Takes a mapping, keywords or both: ``id`` (generated if absent), ``type`` or
        ``trigger_type``, ``function_id``, ``config``, ``metadata``, ``namespace``,
        ``trigger_namespace``. Raise TriggerRejected if the engine refuses it; it is then not
        repeated. Without a connection, return at once: the trigger is registered with the next
        connection, and a refusal goes to ``on("triggerRejected")``, as does one that comes later.
        """
        message = trigger_message(spec, fields, namespace=self._session.settings.namespace)
        entry = TriggerEntry(frame_of(message), message)
        previous = self._registry.put_trigger(entry)
        if not self.is_connected:
            return message.id
        self._outbox.put(entry.frame)
        try:
            await self._session.confirmations.confirm(message.id)
        except TriggerRejected:
            self._registry.withdraw_trigger(entry, previous)
            raise
        return message.id

    async def unregister_trigger(self, trigger_id: str) -> None:
        """Remove a trigger, and return when the engine has; unknown ids are ignored."""
        entry = self._registry.triggers.pop(trigger_id, None)
        trigger_type = None if entry is None else entry.message.trigger_type
        if self.is_connected:
            self._session.post(UnregisterTrigger(trigger_id, trigger_type))
            await self._session.confirmations.confirm()

    def register_trigger_type(
        self, spec: Spec, handler: TriggerHandler | None = None, **fields: Any
    ) -> None:
        """Offer a kind of event source: ``{"id", "description", "trigger_request_format", ...}``.

        Its triggers go to ``handler``, then to the ``registerTrigger`` callbacks.
        """
        message = trigger_type_message(spec, fields)
        frame = frame_of(message)
        self._registry.trigger_types[message.id] = frame
        self._session.provider.add_type(message.id, handler)
        self._outbox.put(frame)

    def unregister_trigger_type(self, type_id: str) -> None:
        """Withdraw a trigger type; unknown ids are ignored."""
        self._session.provider.remove_type(type_id)
        if self._registry.trigger_types.pop(type_id, None) is not None:
            self._session.post(UnregisterTriggerType(type_id))

    def on(self, event: str, callback: Callback) -> None:
        """Add a callback for one of three events.

        * ``registerTrigger(trigger)``: a trigger of one of our trigger types is to start, also
          again after each reconnection; an exception refuses it.
        * ``unregisterTrigger(trigger)``: it is to stop.
        * ``triggerRejected(trigger, error)``: the engine refused one of our triggers after
          ``register_trigger`` had returned.
        """
        callbacks = {
            "registerTrigger": self._session.provider.on_register,
            "unregisterTrigger": self._session.provider.on_unregister,
            "triggerRejected": self._session.rejections.callbacks,
        }
        if event not in callbacks:
            raise InvalidArguments(f"No event {event!r}; there are {', '.join(callbacks)}")
        callbacks[event].append(callback)

    async def call(
        self,
        function_id: str,
        data: Any = None,
        *,
        timeout_s: float | None = None,
        namespace: str | None = None,
        metadata: Any = None,
    ) -> Any:
        """Call a function and return its result; None if it has none.

        ``metadata`` (any JSON value) goes to the function beside its input.

        Without a connection the call waits for one, within its timeout. Raise the IiiError of the
        failure: FunctionNotFound, InvocationTimeout, InvocationStopped (also when the connection
        is lost after the call was sent), InvocationFailed with the code of the function, ...
        """
        self._refuse_if_closed()
        limit_s = self._session.settings.call_timeout_s if timeout_s is None else timeout_s
        async with self._session.slots.lent():
            try:
                async with asyncio.timeout(limit_s):
                    return await self._session.call(
                        function_id, data, namespace=namespace, metadata=metadata
                    )
            except TimeoutError:
                message = f"Function {function_id} did not answer within {limit_s} s."
                raise InvocationTimeout(message) from None

    async def call_void(
        self,
        function_id: str,
        data: Any = None,
        *,
        namespace: str | None = None,
        metadata: Any = None,
    ) -> None:
        """Call a function without waiting for it to run; nobody learns how it went.

        Without a connection the call waits for one; raise LimitExceeded if too many do.
        """
        self._refuse_if_closed()
        await self._session.call_void(function_id, data, namespace=namespace, metadata=metadata)

    def _refuse_if_closed(self) -> None:
        if self._over:
            raise InvocationStopped("The client was shut down.")
