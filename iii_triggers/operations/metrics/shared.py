"""What all processes share, as the database tells: the same whichever of them is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from iii_triggers.models import Node
from iii_triggers.operations import overview

FRESH_S = 5.0
"""How long what was read is told again: many scrapes cost no more than a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """How the engine stands. ``_s`` is seconds."""

    deliveries: Mapping[str, int]
    """By state; counted up to ``overview.MAX_COUNTED`` + 1."""
    oldest_s: float
    """Age of the oldest delivery that waits or is to be retried."""
    late_s: float
    """For how long a delivery that is due has been waiting to be sent to a Celery worker."""
    cron_late_s: float
    """For how long a cron trigger has been due."""
    nodes: Mapping[str, int]
    """Processes with a recent heartbeat, by kind."""
    draining: int
    """How many of them stop."""


@dataclass(slots=True)
class SharedReader:
    """Reads the database, unless it has just done so. Its methods run in the database thread."""

    _last: Shared | None = None
    _read_at: float = field(default=-FRESH_S)

    def read(self) -> Shared:
        """Return what is shared, in three queries. Raise DatabaseError."""
        now = time.monotonic()
        if self._last is None or now - self._read_at >= FRESH_S:
            self._last, self._read_at = _read(), now
        return self._last


def _read() -> Shared:
    backlog = overview.backlog()
    firings = overview.next_firings(1)
    alive = [process.node for process in overview.processes() if process.is_alive]
    kinds = Counter(node.kind for node in alive)
    return Shared(
        deliveries={
            "waiting": backlog.waiting,
            "running": backlog.running,
            "retrying": backlog.retrying,
            "held": backlog.held,
            "dead": backlog.dead,
        },
        oldest_s=_age_s(backlog.oldest_waiting),
        late_s=_age_s(backlog.due_since),
        cron_late_s=_age_s(firings[0].at if firings else None),
        nodes={str(kind): kinds[kind] for kind in Node.Kind.values},
        draining=sum(node.draining_since is not None for node in alive),
    )


def _age_s(moment: datetime | None) -> float:
    if moment is None:
        return 0.0
    return max((timezone.now() - moment).total_seconds(), 0.0)
