"""Stream clients over real sockets."""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

FRAME_S = 15.0


class StreamClient:
    """One client: ``with StreamClient(url) as client``."""

    def __init__(self, url: str, **options: Any) -> None:
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(url, open_timeout=FRAME_S, proxy=None, **options)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def send(self, type_: str, **data: Any) -> None:
        """Send a frame."""
        self.socket.send(json.dumps({"type": type_, "data": data}))

    def join(self, stream: str, group: str = "g", *, id_: str = "s", **more: Any) -> None:
        """Ask to join."""
        self.send("join", subscriptionId=id_, streamName=stream, groupId=group, **more)

    def frame(self) -> Any:
        """Return the next frame."""
        return json.loads(self.socket.recv(timeout=FRAME_S))

    def event(self) -> Any:
        """Return what happened next."""
        return self.frame()["event"]

    def joined(self, stream: str, group: str = "g", **more: Any) -> Any:
        """Join and return what is there."""
        self.join(stream, group, **more)
        event = self.event()
        assert event["type"] == "sync", event
        return event["data"]

    def close_code(self) -> int:
        """Read until the server closes and return its code."""
        try:
            while True:
                self.socket.recv(timeout=FRAME_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
