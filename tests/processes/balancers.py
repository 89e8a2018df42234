"""A load balancer for connections and a client that behaves as nginx does in front of two sites."""

from __future__ import annotations

import http.client
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from tests.support.closing import Closing

from .cables import Strand
from .sites import LOOPBACK


class Balancer(Closing):
    """Listens on ``port``; a connection goes to the next server, or to one that listens."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._strands: list[Strand] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._listener.close()
        for strand in self._strands:
            strand.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._pass_on(self._listener.accept()[0])

    def _pass_on(self, client: socket.socket) -> None:
        for _ in self._ports:
            self._ports.append(self._ports.pop(0))
            with suppress(ConnectionRefusedError):
                server = socket.create_connection((LOOPBACK, self._ports[-1]))
                self._strands.append(Strand(client, server))
                return
        client.close()


class Load(Closing):
    """Sends a request after the other, on open connections, until it is closed."""

    def __init__(self, ports: Sequence[int], path: str, *, clients: int = 4) -> None:
        self.answers: Counter[str] = Counter()
        """Statuses and errors, and how often each came."""
        self._ports, self._path = ports, path
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and wait for the last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, turn: int) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            try:
                connection = connection or self._connect(turn)
                connection.request("GET", self._path)
                answer = connection.getresponse()
                body = answer.read().decode()
                self.answers["200" if answer.status == 200 else f"{answer.status} {body}"] += 1
                is_last = answer.will_close
            except (OSError, http.client.HTTPException) as error:
                self.answers[repr(error)] += 1
                is_last = True
            if is_last and connection is not None:
                connection.close()
                connection, turn = None, turn + 1
        if connection is not None:
            connection.close()

    def _connect(self, turn: int) -> http.client.HTTPConnection:
        """Connect to a server that listens, beginning with the one whose turn it is."""
        for offset in range(len(self._ports)):
            port = self._ports[(turn + offset) % len(self._ports)]
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
            with suppress(ConnectionRefusedError):
                connection.connect()
                return connection
        raise ConnectionRefusedError("nobody listens")
