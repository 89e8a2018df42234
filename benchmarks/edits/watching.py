"""Watching a process until it serves what was edited elsewhere."""

from __future__ import annotations

import http.client
import time

PREFIX, NAME = "/iii/http/", "?name=Ada"
LOOK_S = 0.002
PATIENCE_S = 20.0
FOUND, NOT_FOUND = 200, 404


class Watcher:
    """One connection to one process."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        # The first request that no trigger answers has Django read its URLs, which takes a while.
        self._status("warm-up")

    def served_at(self, path: str, *, exists: bool) -> float:
        """Ask for a path until it is there, or gone; return when (on ``time.monotonic``).

        Raise TimeoutError if that takes too long.
        """
        wanted = FOUND if exists else NOT_FOUND
        deadline = time.monotonic() + PATIENCE_S
        while (status := self._status(path)) != wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} is still answered with {status}")
            time.sleep(LOOK_S)
        return time.monotonic()

    def _status(self, path: str) -> int:
        try:
            return self._ask(path)
        except ConnectionError:
            # Unused for long: the server has closed it.
            self._connection.close()
            return self._ask(path)

    def _ask(self, path: str) -> int:
        self._connection.request("GET", PREFIX + path + NAME)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status
