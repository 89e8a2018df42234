"""Runs counted since the process started, for metrics: by trigger type and by how they ended.

They cost every run a look-up and two additions, whatever the history keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from iii_triggers.conf import settings
from iii_triggers.engine.causes import Caused
from iii_triggers.protocol.errors import (
    ChannelSendFailed,
    FunctionNotFound,
    InvocationStopped,
    InvocationTimeout,
)

from .buckets import LAST

OTHER = "other"
"""Stands for every trigger type, or function, beyond those that are counted one by one."""
MAX_TYPES = 100
"""How many trigger types are counted one by one; workers may provide any number."""

FAILED = "failed"
SUCCEEDED = "succeeded"
_FAILURES = {
    "timeout": InvocationTimeout,
    "not_found": FunctionNotFound,
    "stopped": InvocationStopped,
    "send_failed": ChannelSendFailed,
}
OUTCOMES = (SUCCEEDED, FAILED, *_FAILURES)
"""Every way a run may end."""

FunctionKey = tuple[str, str, str]
"""Namespace and id of a function, outcome."""


@dataclass(slots=True)
class Tally:
    """How many runs took how long."""

    durations: list[int] = field(default_factory=lambda: [0] * (LAST + 1))
    """Runs by bucket."""
    total_ms: float = 0.0


@dataclass(slots=True)
class RunCounts:
    """What ended since the process started."""

    by_function: dict[FunctionKey, int] = field(default_factory=dict)
    """Of the first ``III_METRICS_FUNCTIONS`` functions; the others are counted as one."""
    _tallies: dict[tuple[str, type], Tally] = field(default_factory=dict)
    _types: set[str] = field(default_factory=set)
    _functions: set[tuple[str, str]] = field(default_factory=set)

    def add(
        self, run: Caused, class_: type, *, duration_ms: float, bucket: int, count: int = 1
    ) -> None:
        """Count runs like this that ended with an outcome of a class, after so long in all."""
        cause = run.cause
        type_id = "" if cause is None else cause.trigger_type
        tally = self._tallies.get((type_id, class_))
        if tally is None:
            tally = self._new(type_id, class_)
        tally.durations[bucket] += count
        tally.total_ms += duration_ms
        if settings.III_METRICS_FUNCTIONS:
            self._count_function(run, class_, count)

    def tallies(self) -> Iterator[tuple[str, str, Tally]]:
        """Yield trigger type ("" for direct calls), outcome and tally; a pair may come twice."""
        for (type_id, class_), tally in list(self._tallies.items()):
            yield type_id, _outcome(class_), tally

    def _new(self, type_id: str, class_: type) -> Tally:
        if type_id not in self._types and len(self._types) >= MAX_TYPES:
            type_id = OTHER
        self._types.add(type_id)
        return self._tallies.setdefault((type_id, class_), Tally())

    def _count_function(self, run: Caused, class_: type, count: int) -> None:
        name = (run.namespace, run.function_id)
        if name not in self._functions:
            # What does not exist may have any name, and there is no end of those.
            is_full = len(self._functions) >= settings.III_METRICS_FUNCTIONS
            if is_full or class_ is FunctionNotFound:
                name = ("", OTHER)
            else:
                self._functions.add(name)
        key = (*name, _outcome(class_))
        self.by_function[key] = self.by_function.get(key, 0) + count


def _outcome(class_: type) -> str:
    for name, error in _FAILURES.items():
        if issubclass(class_, error):
            return name
    return FAILED if issubclass(class_, Exception) else SUCCEEDED
