"""The one engine of this process, and the ways to call it.

An ASGI server starts the engine on its own event loop. Everywhere else (WSGI, Celery, the shell)
the first call starts it on a loop in a background thread. A ``runworker`` process has none: its
calls go to the engine it is connected to.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from iii_triggers.conf import settings
from iii_triggers.context import current_traceparent
from iii_triggers.models import Node
from iii_triggers.protocol.errors import InvocationTimeout, WrongThread

from .calls import Call
from .core import Engine
from .payload import NOTHING, Payload

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Remote(Protocol):
    """A client that is connected to an engine elsewhere."""

    async def call(
        self,
        function_id: str,
        data: Any = None,
        *,
        timeout_s: float | None = None,
        namespace: str | None = None,
        metadata: Any = None,
    ) -> Any:
        """Call a function and return its result."""


START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0

FIRE_FUNCTION = "engine::fire_triggers"


@dataclass(slots=True)
class ProcessEngine:
    """Holds the engine of the process and starts it where it is needed."""

    kind: str = Node.Kind.OTHER
    """What an engine is that starts in the background."""
    remote: Remote | None = None
    remote_loop: asyncio.AbstractEventLoop | None = None
    _engine: Engine | None = None
    _starting: asyncio.Task[None] | None = None
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def existing(self) -> Engine | None:
        """The engine of this process, running or not; None if nothing needed one yet."""
        return self._engine

    def running_here(self) -> Engine | None:
        """Return the engine if it runs on the running loop; for every request, so without lock."""
        engine = self._engine
        is_here = engine is not None and engine.loop is asyncio.get_running_loop()
        return engine if is_here else None

    def get(self) -> Engine:
        """Return the engine of this process, running or not."""
        with self._lock:
            if self._engine is None:
                self._engine = Engine(kind=self.kind)
            return self._engine

    def forget(self) -> None:
        """Start with nothing, in a process that was forked: loops and threads stayed behind."""
        self._lock = threading.Lock()
        self._engine = self._starting = self._thread = None

    def replace(self, engine: Engine | None) -> None:
        """Make another engine the one of this process (None: a new one at the next use)."""
        with self._lock:
            self._engine = engine
            self._starting = None

    def call_through(self, remote: Remote) -> None:
        """Send the calls of this process to the engine that ``remote`` is connected to."""
        self.remote = remote
        self.remote_loop = asyncio.get_running_loop()

    async def start_here(
        self, *, kind: str, then: Callable[[Engine], None] | None = None
    ) -> Engine:
        """Start the engine on the running loop, unless it runs there, and return it.

        ``kind`` is for an engine of which nobody has said yet what its process is. ``then`` is
        called if it was started.
        One that code of the site started in the background, before there was a server, moves.
        """
        if (running := self.running_here()) is not None:
            return running
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._start(kind, then))
        starting = self._starting
        try:
            await asyncio.shield(starting)
        except Exception:
            # It is half started; the next connection gets a new one.
            if self._starting is starting:
                self.replace(None)
            raise
        return self.get()

    async def _start(self, kind: str, then: Callable[[Engine], None] | None) -> None:
        engine = self.get()
        if engine.is_running and engine.loop is not None:
            await asyncio.to_thread(_stop_in_background, engine, engine.loop)
            engine = self._engine = Engine()
        if engine.node.kind == Node.Kind.OTHER:
            engine.node.kind = kind
        await engine.start()
        if then is not None:
            then(engine)

    def start_in_background(self) -> Engine:
        """Start the engine on a loop of its own in a thread, unless it runs, and return it."""
        engine = self.get()
        with self._lock:
            if engine.is_running:
                return engine
            loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_run_loop, args=(loop,), name="iii-engine", daemon=True
            )
            self._thread.start()
            try:
                # Not in the context of who calls first: the loops of the engine would keep it.
                starting = Context().run(asyncio.run_coroutine_threadsafe, engine.start(), loop)
                starting.result(START_TIMEOUT_S)
            except Exception:
                loop.call_soon_threadsafe(loop.stop)
                self._engine = None
                raise
            _at_exit(partial(_stop_in_background, engine, loop))
        return engine

    def stop_in_background(self) -> None:
        """Stop the engine that ``start_in_background`` started, if there is one, and wait."""
        engine = self._engine
        if self._thread is not None and engine is not None and engine.loop is not None:
            _stop_in_background(engine, engine.loop)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _at_exit(work: Callable[[], None]) -> None:
    """Run ``work`` when the main thread has ended.

    ``atexit`` is too late: the executors are closed by then, and the engine's database with them.
    """
    register: Callable[[Callable[[], None]], object]
    register = getattr(threading, "_register_atexit", atexit.register)
    register(work)


def _stop_in_background(engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
    """Let what was fired finish, within the grace, and leave no rows behind."""
    try:
        if engine.is_running:
            asyncio.run_coroutine_threadsafe(engine.stop(), loop).result(STOP_TIMEOUT_S)
    except Exception:
        logger.exception("The engine could not stop cleanly.")
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)


process_engine = ProcessEngine()


def get_engine() -> Engine:
    """Return the engine of this process."""
    return process_engine.get()


def invoke(
    function_id: str,
    data: Any = None,
    /,
    *,
    namespace: str = "default",
    timeout_s: float | None = None,
    metadata: Any = None,
) -> Any:
    """Run a function and return its result (any JSON value; None is "no result").

    For plain code: views, Celery tasks, the shell. ``timeout_s`` defaults to the site's
    ``III_DEFAULT_TIMEOUT_MS``. Raises the IiiError the call ended with (FunctionNotFound,
    InvocationTimeout, InvocationStopped, InvocationFailed, ...), and WrongThread when called on
    the engine's own event loop, where ``ainvoke`` is the way.
    """
    call = _call(function_id, data, namespace, timeout_s, metadata)
    wait_s = (timeout_s or settings.III_DEFAULT_TIMEOUT_MS / 1000) + 5
    return run_sync(_invoke(call), timeout_s=wait_s)


async def ainvoke(
    function_id: str,
    data: Any = None,
    /,
    *,
    namespace: str = "default",
    timeout_s: float | None = None,
    metadata: Any = None,
) -> Any:
    """Run a function and return its result; ``invoke`` for async code, on any event loop."""
    call = _call(function_id, data, namespace, timeout_s, metadata)
    return await run_async(_invoke(call))


def fire_triggers(type_id: str, payload: Any = None, /, *, namespace: str = "default") -> int:
    """Invoke the functions of all live triggers of a type; return how many there are.

    Outcomes are not waited for. Like ``invoke`` for plain code; ``afire_triggers`` for async code.
    """
    return run_sync(_fire(type_id, payload, namespace), timeout_s=START_TIMEOUT_S)


async def afire_triggers(
    type_id: str, payload: Any = None, /, *, namespace: str = "default"
) -> int:
    """Invoke the functions of all live triggers of a type; return how many there are."""
    return await run_async(_fire(type_id, payload, namespace))


def run_sync(work: Coroutine[Any, Any, T], *, timeout_s: float) -> T:
    """Run ``work`` on the engine's loop from plain code and return its result."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is not None:
        work.close()
        raise WrongThread()
    try:
        loop = process_engine.remote_loop or process_engine.start_in_background().loop
    except Exception:
        work.close()
        raise
    if loop is None:
        work.close()
        raise InvocationTimeout("The engine stopped.")
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        with get_engine().invoker.threads.lend():
            return future.result(timeout_s)
    except FutureTimeoutError as error:
        future.cancel()
        raise InvocationTimeout() from error


async def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on the engine's loop from any event loop and return its result."""
    engine = get_engine()
    loop = process_engine.remote_loop
    if loop is None and not engine.is_running:
        # The caller's loop may be a short-lived one (async_to_sync): the engine gets its own.
        try:
            await asyncio.to_thread(process_engine.start_in_background)
        except Exception:
            work.close()
            raise
    loop = loop or engine.loop
    if loop is None or loop is asyncio.get_running_loop():
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


def _call(
    function_id: str, data: Any, namespace: str, timeout_s: float | None, metadata: Any
) -> Call:
    return Call(
        function_id=function_id,
        data=NOTHING if data is None else Payload.of(data),
        namespace=namespace,
        timeout_s=timeout_s,
        metadata=metadata,
    )


async def _invoke(call: Call) -> Any:
    remote = process_engine.remote
    if remote is not None:
        return await remote.call(
            call.function_id,
            call.data.value(),
            timeout_s=call.timeout_s or settings.III_DEFAULT_TIMEOUT_MS / 1000,
            namespace=call.namespace,
            metadata=call.metadata,
        )
    # Here, where the engine runs and knows whether there are spans; the context is the caller's.
    call.traceparent = current_traceparent() or None
    return (await get_engine().invoker.invoke(call)).value()


async def _fire(type_id: str, payload: Any, namespace: str) -> int:
    remote = process_engine.remote
    if remote is not None:
        data = {"trigger_type": type_id, "payload": payload, "namespace": namespace}
        answer = await remote.call(FIRE_FUNCTION, data)
        return int(answer["fired"])
    return get_engine().fire_triggers(type_id, payload, namespace=namespace)
