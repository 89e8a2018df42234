"""A WebSocket server that stands in for the engine and keeps every text frame it gets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from msgspec import Raw
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from iii_triggers.protocol import codec
from iii_triggers.protocol.errors import MalformedFrame
from iii_triggers.protocol.messages import (
    AnyMessage,
    InvocationResult,
    InvokeFunction,
    Message,
    WorkerRegistered,
)

WORKER_ID = "11111111-1111-4111-8111-111111111111"
REATTACH_TOKEN = "22222222-2222-4222-8222-222222222222"
FRAME_S = 20.0


class StubEngine:
    """The frames of one worker, and its socket to send to.

    Every call is answered with ``{"functions": []}``, which suits lists and everything else.
    """

    def __init__(self) -> None:
        self.frames: list[str] = []
        self._changed = threading.Condition()
        self._worker: ServerConnection | None = None
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[StubEngine]:
        """Serve on a free port for as long as the block runs."""
        with serve(self._converse, "127.0.0.1", 0) as server:
            self.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield self
            server.shutdown()
        thread.join()

    def send(self, message: Message) -> None:
        """Send a frame to the worker."""
        assert self._worker is not None
        self._worker.send(codec.encode(message))

    def drop(self) -> None:
        """Close the worker's connection the way the engine does: it is to come back."""
        assert self._worker is not None
        self._worker.close(1012)

    def wait_for(self, wanted: Callable[[AnyMessage], bool], *, after: int = 0) -> None:
        """Return once one of the frames from number ``after`` on is ``wanted``."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._has(wanted, after), FRAME_S)
        if not found:
            raise TimeoutError(
                "the worker did not send the frame; it sent\n" + "\n".join(self.frames)
            )

    def _has(self, wanted: Callable[[AnyMessage], bool], after: int) -> bool:
        return any(wanted(message) for message in map(_decoded, self.frames[after:]) if message)

    def _converse(self, connection: ServerConnection) -> None:
        if connection.request is not None and connection.request.path == "/":
            registered = WorkerRegistered(worker_id=WORKER_ID, reattach_token=REATTACH_TOKEN)
            connection.send(codec.encode(registered))
        with suppress(ConnectionClosed):  # workers are killed and dropped here
            for frame in connection:
                if isinstance(frame, str):  # bytes are telemetry
                    self._take(connection, frame)

    def _take(self, connection: ServerConnection, frame: str) -> None:
        with self._changed:
            self._worker = connection
            self.frames.append(frame)
            self._changed.notify_all()
        message = _decoded(frame)
        if isinstance(message, InvokeFunction) and message.invocation_id:
            answer = InvocationResult(
                invocation_id=message.invocation_id,
                function_id=message.function_id,
                result=Raw(b'{"functions":[]}'),
            )
            connection.send(codec.encode(answer))


def _decoded(frame: str) -> AnyMessage | None:
    """Return the message, or None for a frame that only newer engines know."""
    try:
        return codec.decode(frame)
    except MalformedFrame:
        return None
