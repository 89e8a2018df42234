"""A cable to a server: what runs through it can be cut, as networks do."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CONNECT_S = 5.0
CHUNK = 64 * 1024


class Cable:
    """Listens on ``port`` and hands every connection on to a server, unless it is unplugged."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._is_plugged = True
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.unplug()

    def cut(self) -> int:
        """Cut every connection; new ones come through. Return how many ends there were."""
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        return len(ends)

    def unplug(self) -> None:
        """Cut every connection and let none through."""
        self._is_plugged = False
        self.cut()

    def plug(self) -> None:
        """Let connections through again."""
        self._is_plugged = True

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._connect(self._listener.accept()[0])

    def _connect(self, client: socket.socket) -> None:
        if not self._is_plugged:
            client.close()
            return
        server = socket.create_connection(self._server, timeout=CONNECT_S)
        server.settimeout(None)
        with self._lock:
            self._ends += [client, server]
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
