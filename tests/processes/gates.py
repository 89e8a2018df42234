"""A place where a function of another process waits until the test lets it go on."""

from __future__ import annotations

import socket

from tests.support.closing import Closing

ENTER_S = 15.0


class Gate(Closing):
    """A listening socket: a function that connects to ``port`` waits until ``open``."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(ENTER_S)
        self.port: int = self._listener.getsockname()[1]
        self._inside: list[socket.socket] = []

    def close(self) -> None:
        """End what was opened."""
        for visitor in [*self._inside, self._listener]:
            visitor.close()

    def wait_entered(self) -> None:
        """Return once one more function waits; raise TimeoutError if none comes."""
        visitor, _ = self._listener.accept()
        self._inside.append(visitor)

    def open(self) -> None:
        """Let go on who waits."""
        for visitor in self._inside:
            visitor.sendall(b".")
