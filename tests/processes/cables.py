"""A cable to a server: what runs through it can be cut, or just stops coming, as networks do."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.support.closing import Closing

CONNECT_S = 5.0
CHUNK = 64 * 1024


class Strand:
    """One connection through the cable: its end at the client and its end at the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server
        self._is_loose = False
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def cut(self) -> None:
        """End both ends."""
        self._end(self._client)
        self._end(self._server)

    def loosen(self) -> None:
        """Let nothing through any more; neither end is told."""
        self._is_loose = True

    def drop_client(self) -> None:
        """End the connection of the client; the server is not told."""
        self._is_loose = True
        self._end(self._client)

    def _end(self, end: socket.socket) -> None:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                if self._is_loose:
                    return
                target.sendall(chunk)
        if not self._is_loose:
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)


class Cable(Closing):
    """Listens on ``port`` and hands every connection on to a server, unless it is unplugged."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._strands: list[Strand] = []
        self._loose: list[Strand] = []
        self._is_plugged = True
        self.opened = 0
        """How many connections have come through so far."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._listener.close()
        self.unplug()
        for strand in self._loose:
            strand.cut()

    def cut(self) -> int:
        """Cut every connection; new ones come through. Return how many there were."""
        strands = self._take()
        for strand in strands:
            strand.cut()
        return len(strands)

    def loosen(self) -> None:
        """Let nothing more through the connections there are; new ones come through."""
        for strand in self._take():
            strand.loosen()
            self._loose.append(strand)

    def drop_clients(self) -> int:
        """Cut the clients off; the server is not told. Return how many there were."""
        strands = self._take()
        for strand in strands:
            strand.drop_client()
            self._loose.append(strand)
        return len(strands)

    def unplug(self) -> None:
        """Cut every connection and let none through."""
        self._is_plugged = False
        self.cut()

    def plug(self) -> None:
        """Let connections through again."""
        self._is_plugged = True

    def _take(self) -> list[Strand]:
        with self._lock:
            strands, self._strands = self._strands, []
        return strands

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
            self._strands.append(Strand(client, server))
            self.opened += 1
