"""Ids of invocations: UUIDs, because strict SDKs parse them, but cheaper than ``uuid4()``."""

from __future__ import annotations

import itertools
import uuid


class IdSource:
    """Makes UUID strings of one random part and a counter.

    The random part (74 bits) tells processes apart; the counter, ids of one process. An id is no
    secret: a result is accepted only from the connection that was asked.
    """

    def __init__(self) -> None:
        self._prefix = str(uuid.uuid4())[:24]
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        """Return a new id."""
        return f"{self._prefix}{next(self._numbers):012x}"
