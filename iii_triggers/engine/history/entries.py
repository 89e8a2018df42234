"""What the history knows of a run before it is written, and how that becomes rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy

from msgspec import Raw, Struct, json

from iii_triggers.engine.calls import Outcome

from .copying import line_of, moment_text
from .rows import Facts, PayloadRow, Run, SharedColumns, run_of
from .upserts import row_text

BATCH = 5000
BATCH_BYTES = 1024 * 1024
"""Runs that are written in one transaction: a batch is in memory three times while it is."""


class Entry(Struct, gc=False):
    """A run that has ended, or one that takes long: its rows, as the database gets them.

    Runs that are alike make one entry together: their rows stand side by side in ``run``.

    Texts only. A reference to the call would keep all that belonged to it alive, and the garbage
    collector looking at it. The texts are made on the event loop: a thread that makes thousands of
    them keeps the loop waiting for five milliseconds each time both want to run.
    """

    run_id: str
    function_id: str
    run: bytes
    """A ``Run``, or the lines of many; with ``shared`` the ``PlainRun`` of each."""
    payload: bytes
    """A ``PayloadRow``; empty if none is kept."""
    is_line: bool
    """Whether they are lines of COPY, for a run that has no row yet; else they are JSON."""
    count: int = 1
    """How many runs it is."""
    shared: SharedColumns | None = None

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return len(self.run) + len(self.payload)

    def alone(self) -> Iterator[Entry]:
        """Yield each run as an entry of its own."""
        if self.count == 1:
            yield self
            return
        for run in self._runs():
            one = copy(self)
            one.run, one.count = run, 1
            yield one

    def _runs(self) -> list[bytes]:
        if self.is_line:
            return self.run.splitlines(keepends=True)
        return [bytes(run) for run in json.decode(b"[%s]" % self.run, type=list[Raw])]


def make_entry(
    facts: Facts,
    outcome: Outcome | None,
    payload: PayloadRow | None,
    *,
    node_id: str,
    as_line: bool,
) -> Entry:
    """Make the texts of a run; without an outcome it goes on.

    ``as_line`` asks for lines of COPY; what these cannot say becomes JSON all the same.
    """
    if as_line:
        with suppress(ValueError):
            run = _line(run_of(facts, outcome, node_id=node_id))
            payload_text = line_of(payload) if payload else b""
            return Entry(facts.run_id, facts.function_id, run, payload_text, is_line=True)
    run = row_text(run_of(facts, outcome, node_id=node_id))
    payload_text = row_text(payload) if payload else b""
    return Entry(facts.run_id, facts.function_id, run, payload_text, is_line=False)


def _line(run: Run) -> bytes:
    run.started_at = moment_text(float(run.started_at))
    return line_of(run)


def first_batch(entries: Sequence[Entry]) -> tuple[list[Entry], int, int]:
    """Return the first entries, how many runs they are and their bytes: at least one entry."""
    batch: list[Entry] = []
    runs = size = 0
    for entry in entries:
        if batch and (runs + entry.count > BATCH or size + entry.size > BATCH_BYTES):
            break
        batch.append(entry)
        runs += entry.count
        size += entry.size
    return batch, runs, size
