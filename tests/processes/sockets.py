"""A worker without an SDK: a bare WebSocket that speaks the protocol frame by frame."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.closing import Closing

FRAME_S = 15.0


class BareWorker(Closing):
    """One worker socket; ``greeting`` is the first frame of the engine."""

    def __init__(self, url: str, *, token: str | None = None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(url, additional_headers=headers, open_timeout=FRAME_S, proxy=None)
        )
        self.greeting = self.receive()

    def close(self) -> None:
        """End what was opened."""
        self._stack.close()

    def send(self, **message: Any) -> None:
        """Send a frame."""
        self.socket.send(json.dumps(message))

    def receive(self) -> Any:
        """Return the next frame."""
        return json.loads(self.socket.recv(timeout=FRAME_S))

    def ping(self) -> Any:
        """Ask the engine for a sign of life and return its answer."""
        self.send(type="ping")
        return self.receive()

    def offer(self, function_id: str, **config: Any) -> None:
        """Register a function with an ``http`` trigger, and return when the engine has both."""
        self.send(type="registerfunction", id=function_id)
        trigger = {"id": function_id, "trigger_type": "http", "function_id": function_id}
        self.send(type="registertrigger", **trigger, config=config)
        self.ping()

    def close_code(self) -> int:
        """Read until the engine closes the socket and return its close code."""
        watchdog = threading.Timer(FRAME_S, self.socket.close_socket)
        watchdog.start()
        try:
            while True:
                self.socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        finally:
            watchdog.cancel()
