"""What a publisher is to publish: the first argument of its process, as JSON."""

from __future__ import annotations

import sys

import msgspec

ACKNOWLEDGED = "acknowledged"
"""The notes of the numbers that publishers were told are accepted."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Every ``step``-th number from ``start`` below ``stop``, about ``pause_s`` for each."""

    folder: str
    start: int
    stop: int
    step: int
    pause_s: float
    seed: int
    url: str
    """Where workers connect."""

    @property
    def numbers(self) -> range:
        """The numbers to publish."""
        return range(self.start, self.stop, self.step)


def read_order() -> Order:
    """Return the order of this process."""
    return msgspec.json.decode(sys.argv[1], type=Order)
