"""When which process was away."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

NOTICED_S = 0.02
"""How long the others may take to see that a process is gone: they read its end like any frame."""


class Outage(msgspec.Struct, kw_only=True):
    """A kill; all times are seconds on the monotonic clock."""

    name: str
    killed_at: float
    """Just before it was killed."""
    gone_at: float = 0.0
    """When the system had ended it."""
    back_at: float = math.inf
    """When the process served again."""
    restored_at: float = math.inf
    """When all that was registered was there again."""

    def covers(self, began: float, ended: float, *, grace_s: float = 0.0) -> bool:
        """Tell whether the process was away, or not yet restored, within a span of time."""
        return self.killed_at <= ended and began <= self.restored_at + grace_s

    def hits(self, began: float, ended: float) -> bool:
        """Tell whether what lasted a span of time can have been on the process when it died."""
        seen_at = max(self.killed_at, self.gone_at + NOTICED_S)
        return began <= seen_at and self.killed_at <= ended

    def is_down(self, began: float, ended: float) -> bool:
        """Tell whether the process did not serve within a span of time."""
        return self.killed_at <= ended and began <= self.back_at


class Outages:
    """All kills of a run."""

    def __init__(self) -> None:
        self.all: list[Outage] = []

    def of(self, *names: str) -> Iterator[Outage]:
        """Iterate over the outages of some processes."""
        return (outage for outage in self.all if outage.name in names)
