"""Runs that succeeded and are like many others: what they share is noted once for all of them.

Most columns are the same for all runs of one trigger on one worker. Under load, to note and to
write a run with its fellows takes a quarter of the time that it takes alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field

from msgspec import Struct

from iii_triggers.engine.calls import Pending
from iii_triggers.engine.ids import IdSource
from iii_triggers.engine.payload import NOTHING
from iii_triggers.protocol.codec import to_json

from .buckets import bucket_of
from .copying import has_special_characters, line_of, moment_text
from .entries import Entry, make_entry
from .rows import (
    MAX_NAME,
    SHARED_COLUMNS,
    Facts,
    PlainRun,
    SharedColumns,
    facts_of,
    run_id_of,
    run_of,
)

WORTH_IT = 4
"""Fewer take longer together: each group is a statement on SQLite."""


class Alike(Struct):
    """Runs that ended in the same minute, and differ in the columns of ``PlainRun`` only."""

    facts: Facts
    """Those of the first."""
    ended_at: float
    """When the first did, in seconds since the epoch."""
    runs: list[PlainRun]

    def durations(self) -> dict[int, tuple[int, float]]:
        """Return, by bucket, how many runs took so long, and how many milliseconds in all."""
        by_bucket: dict[int, tuple[int, float]] = {}
        for run in self.runs:
            bucket = bucket_of(run.duration_ms)
            count, total_ms = by_bucket.get(bucket, (0, 0.0))
            by_bucket[bucket] = count + 1, total_ms + run.duration_ms
        return by_bucket

    def entries(self, *, node_id: str, as_lines: bool) -> Iterator[Entry]:
        """Yield what is to be written: one entry for all, or one each if they are few or odd."""
        is_worth_it = len(self.runs) >= WORTH_IT
        shared = _shared_columns(self.facts, node_id) if is_worth_it else None
        if shared is None or any(map(_is_odd, self._own_texts())):
            for facts in self._each():
                yield make_entry(facts, NOTHING, None, node_id=node_id, as_line=as_lines)
        else:
            yield Entry(
                self.runs[0].id,
                self.facts.function_id,
                self._lines(shared) if as_lines else to_json(self.runs)[1:-1],
                b"",
                is_line=as_lines,
                count=len(self.runs),
                shared=None if as_lines else shared,
            )

    def _own_texts(self) -> set[str]:
        return {text for run in self.runs for text in (run.traceparent, run.invocation_id)}

    def _lines(self, shared: SharedColumns) -> bytes:
        return "".join(
            [
                f"{run.id}\t{shared.line}\t{moment_text(run.started_at)}\t{run.duration_ms}"
                f"\t\t\t{run.traceparent}\t{run.invocation_id}\n"
                for run in self.runs
            ]
        ).encode()

    def _each(self) -> Iterator[Facts]:
        for run in self.runs:
            facts = copy(self.facts)
            facts.run_id, facts.invocation_id = run.id, run.invocation_id or run.id
            facts.started_at, facts.duration_ms = run.started_at, run.duration_ms
            facts.traceparent = run.traceparent
            yield facts


@dataclass(slots=True, kw_only=True)
class PlainRuns:
    """Gathers runs that are alike."""

    new_id: IdSource
    count: int = 0
    _alike: dict[tuple[object, ...], Alike] = field(default_factory=dict)

    def add(self, pending: Pending, *, ended_at: float, duration_ms: float) -> None:
        """Take a run that succeeded and keeps no payload."""
        call = pending.call
        cause, caller, executor, away = call.cause, call.caller, pending.executor, pending.away
        # Causes and offers are compared value by value, which takes longer than all the rest. What
        # is in ``_alike`` keeps them, so that no other gets the same id.
        key = (
            ended_at // 60,
            call.function_id,
            call.namespace,
            id(cause),
            id(executor),
            id(away),
            id(caller),
        )
        alike = self._alike.get(key)
        if alike is None:
            alike = self._alike[key] = Alike(facts_of(pending, None), ended_at, [])
        run_id = run_id_of(pending, self.new_id)
        alike.runs.append(
            PlainRun(
                run_id,
                pending.started_at,
                duration_ms,
                call.traceparent or "",
                "" if pending.id == run_id else pending.id,
            )
        )
        self.count += 1

    @property
    def kinds(self) -> int:
        """How many groups there are."""
        return len(self._alike)

    def take(self) -> list[Alike]:
        """Return all there is, and begin anew."""
        alike = list(self._alike.values())
        self._alike.clear()
        self.count = 0
        return alike


def _is_odd(text: str) -> bool:
    """Tell whether a text needs more care than to be copied."""
    return len(text) > MAX_NAME or not text.isascii() or has_special_characters(text)


def _shared_columns(facts: Facts, node_id: str) -> SharedColumns | None:
    """Return what runs like this have in common; None if COPY cannot say it."""
    row = run_of(facts, NOTHING, node_id=node_id)
    row.started_at = ""
    try:
        fields = line_of(row).decode().split("\t")
    except ValueError:
        return None
    # Before these is the id; after them come the times, two of an error that there is not, and
    # the trace and the id that a worker chose.
    return SharedColumns(
        tuple(getattr(row, column) for column in SHARED_COLUMNS), "\t".join(fields[1:-6])
    )
