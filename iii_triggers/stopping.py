"""Drains the engine before a server that is not ours obeys SIGTERM or SIGINT.

uvicorn (also as gunicorn's worker) closes WebSockets first of all, and Daphne just ends: what runs
on workers would be lost. ``runengine`` drains by itself.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import signal
import threading
from types import FrameType
from typing import Any

from iii_triggers.engine.core import Engine
from iii_triggers.models import Node

logger = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def drain_first(engine: Engine) -> None:
    """Have the signals drain the engine, then do what they do now.

    For servers that tell their applications to stop (lifespan). A signal that no server of ours
    handles, and a loop that is not in the main thread, are left alone.
    """
    _stand_before_server(engine, stops=False)


def stop_first(engine: Engine) -> None:
    """Have the signals stop the engine, then do what they do now: for servers without lifespan."""
    _stand_before_server(engine, stops=True)


def _stand_before_server(engine: Engine, *, stops: bool) -> None:
    is_main = threading.current_thread() is threading.main_thread()
    if engine.node.kind != Node.Kind.ASGI or not is_main:
        return
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    # uvicorn's server and Twisted's reactor have methods there.
    methods = {number: one for number, one in handlers.items() if inspect.ismethod(one)}
    if methods:
        before = _BeforeServer(engine, methods, stops=stops)
        for number in methods:
            signal.signal(number, before.on_signal)


class _BeforeServer:
    """Handles signals in place of a server, whose own handlers come at last."""

    def __init__(self, engine: Engine, methods: dict[signal.Signals, Any], *, stops: bool) -> None:
        self._engine = engine
        self._methods = methods
        self._stops = stops
        self._loop = asyncio.get_running_loop()
        self._first: int | None = None
        self._task: asyncio.Task[None] | None = None

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Begin to stop. The same signal once more ends the process at once.

        Not under gunicorn, which repeats its SIGTERM every second. Another signal is no repetition:
        with Ctrl-C, uvicorn's children get SIGINT of the terminal and SIGTERM of their parent.
        """
        if self._first is None:
            self._first = number
            self._loop.call_soon_threadsafe(self._begin, number)
        elif number == self._first and "gunicorn" not in os.environ.get("SERVER_SOFTWARE", ""):
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _begin(self, number: int) -> None:
        self._task = self._loop.create_task(self._stop(signal.Signals(number)))

    async def _stop(self, number: signal.Signals) -> None:
        handler = self._methods[number]
        try:
            _stop_listening(handler.__self__)
            await self._engine.drain()
            if self._stops:
                await self._engine.stop()
        except Exception:
            logger.exception("The engine could not stop cleanly.")
        finally:
            handler(number, None)


def _stop_listening(server: Any) -> None:
    """Take no new connections: ``server`` is uvicorn's, or Twisted's reactor."""
    for listener in getattr(server, "servers", ()):
        listener.close()
    for reader in getattr(server, "getReaders", list)():
        if hasattr(reader, "stopListening"):
            reader.stopListening()
