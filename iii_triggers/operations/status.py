"""Everything of the overview at once, for who looks once and goes: ``iii_status``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from iii_triggers.engine.history.traffic import Total, total

from . import overview, problems
from .overview import Backlog, Firing, Process, Workers
from .problems import Problem
from .spans import HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the engine stands."""

    at: datetime
    processes: Sequence[Process]
    workers: Workers
    functions: int
    triggers: Mapping[str, int]
    """By state."""
    backlog: Backlog
    hour: Total
    """The runs of the last hour."""
    firings: Sequence[Firing]

    @property
    def runs_dropped(self) -> int:
        """How many runs the processes that are there did not keep, since each of them started."""
        return sum(process.node.runs_dropped for process in self.processes)

    @property
    def problems(self) -> list[Problem]:
        """What needs attention."""
        return [
            *problems.of_processes(self.processes),
            *problems.of_deliveries(self.backlog),
            *problems.of_firings(self.firings),
            *problems.of_triggers(self.triggers),
        ]


def look() -> Status:
    """Read how the engine stands, in seven queries."""
    now = timezone.now()
    return Status(
        at=now,
        processes=overview.processes(),
        workers=overview.workers(),
        functions=overview.function_count(),
        triggers=overview.triggers_by_state(),
        backlog=overview.backlog(),
        hour=total(overview.runs(HOUR, now)),
        firings=overview.next_firings(),
    )
