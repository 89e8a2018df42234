"""Ids of invocations: UUIDs, because strict SDKs parse them, but cheaper than ``uuid4()``."""

from __future__ import annotations

import itertools
import secrets
import time


class IdSource:
    """Makes UUID strings that sort by the time they were made (RFC 9562, version 7).

    48 bits of milliseconds, 12 of their fractions, then 38 random bits that tell processes apart
    and a counter of 24 bits for the ids of one process. An id is no secret: a result is accepted
    only from the connection that was asked.
    """

    def __init__(self) -> None:
        self._process = f"{0x8000 | secrets.randbits(14):04x}-{secrets.randbits(24):06x}"
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        """Return a new id."""
        return self._id(time.time_ns() * 4096 // 1_000_000)

    def at(self, moment_s: float) -> str:
        """Return a new id that sorts as if it had been made then, in seconds since the epoch."""
        return self._id(int(moment_s * 4_096_000))

    def _id(self, ticks: int) -> str:
        time_ = f"{ticks:015x}"
        number = next(self._numbers) & 0xFFFFFF
        return f"{time_[:8]}-{time_[8:12]}-7{time_[12:]}-{self._process}{number:06x}"
