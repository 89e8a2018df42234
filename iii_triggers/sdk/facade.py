"""The client for plain code: an ``AsyncClient`` on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from iii_triggers.protocol.errors import InvocationStopped, WrongThread

from .client import GRACE_S, AsyncClient
from .provider import Callback, TriggerHandler
from .settings import Options
from .specs import Spec

T = TypeVar("T")


def init(url: str | None = None, **options: Unpack[Options]) -> Client:
    """Connect to the engine at ``url`` and return a client; ``Options`` says what it takes.

    Returns when the first attempt to connect has succeeded or failed; a client without a
    connection is usable and goes on trying. Its thread ends with the process: a program that only
    serves functions ends with ``client.wait_closed()``.
    """
    return Client(AsyncClient(url, **options))


class Client:
    """A worker of the engine for plain code, usable from any thread.

    Each method does what its namesake in ``AsyncClient`` does. Coroutine functions registered here
    run on the client's own loop, where these methods would block what they wait for: there they
    raise WrongThread, and ``async_client`` is the one to use.
    """

    def __init__(self, async_client: AsyncClient) -> None:
        self.async_client = async_client
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._lock = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run_loop, name="iii-client", daemon=True)
        self._thread.start()
        self._wait(async_client.connect())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection right now."""
        return self.async_client.is_connected

    def wait_connected(self, *, timeout_s: float | None = None) -> None:
        """Wait until there is a connection; raise TimeoutError after ``timeout_s``."""
        self._wait(self.async_client.wait_connected(timeout_s=timeout_s))

    def wait_closed(self) -> None:
        """Wait until somebody has shut the client down."""
        self._thread.join()

    def shutdown(self, *, grace_s: float = GRACE_S) -> None:
        """Let what runs finish within ``grace_s``, then close; idempotent.

        A handler that calls it waits for itself until the grace is over.
        """
        if self._ended:
            return
        self._wait(self.async_client.shutdown(grace_s=grace_s))
        with self._lock:
            if not self._ended:
                self._ended = True
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

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
        """Offer a function; ``spec`` is its id or ``{"id": ..., "description": ..., ...}``."""
        self._do(
            lambda: self.async_client.register_function(
                spec,
                handler,
                description=description,
                request_format=request_format,
                response_format=response_format,
                metadata=metadata,
            )
        )

    def unregister_function(self, function_id: str) -> None:
        """Withdraw a function."""
        self._do(lambda: self.async_client.unregister_function(function_id))

    def register_trigger(self, spec: Spec | None = None, /, **fields: Any) -> str:
        """Bind a function to a trigger type and return the id; raise TriggerRejected."""
        return self._wait(self.async_client.register_trigger(spec, **fields))

    def unregister_trigger(self, trigger_id: str) -> None:
        """Remove a trigger."""
        self._wait(self.async_client.unregister_trigger(trigger_id))

    def register_trigger_type(
        self, spec: Spec, handler: TriggerHandler | None = None, **fields: Any
    ) -> None:
        """Offer a kind of event source."""
        self._do(lambda: self.async_client.register_trigger_type(spec, handler, **fields))

    def unregister_trigger_type(self, type_id: str) -> None:
        """Withdraw a trigger type."""
        self._do(lambda: self.async_client.unregister_trigger_type(type_id))

    def on(self, event: str, callback: Callback) -> None:
        """Add a callback for ``registerTrigger``, ``unregisterTrigger`` or ``triggerRejected``."""
        self._do(lambda: self.async_client.on(event, callback))

    def call(
        self,
        function_id: str,
        data: Any = None,
        *,
        timeout_s: float | None = None,
        namespace: str | None = None,
        metadata: Any = None,
    ) -> Any:
        """Call a function and return its result; raise the IiiError of the failure."""
        return self._wait(
            self.async_client.call(
                function_id, data, timeout_s=timeout_s, namespace=namespace, metadata=metadata
            )
        )

    def call_void(
        self,
        function_id: str,
        data: Any = None,
        *,
        namespace: str | None = None,
        metadata: Any = None,
    ) -> None:
        """Call a function without waiting for it to run."""
        self._wait(
            self.async_client.call_void(function_id, data, namespace=namespace, metadata=metadata)
        )

    def _run_loop(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._stop.wait())

    def _do(self, action: Callable[[], None]) -> None:
        async def on_loop() -> None:
            action()

        self._wait(on_loop())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the client's loop and return its result."""
        if threading.current_thread() is self._thread:
            work.close()
            raise WrongThread("This would block the client's own loop: use async_client here.")
        with self._lock:
            if self._ended:
                work.close()
                raise InvocationStopped("The client was shut down.")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise InvocationStopped("The client was shut down.") from None
        except BaseException:
            future.cancel()
            raise
