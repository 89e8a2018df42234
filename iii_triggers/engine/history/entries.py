"""What the history knows of a run before it is written, and how that becomes rows."""

from __future__ import annotations

from contextlib import suppress

from msgspec import Struct

from iii_triggers.engine.calls import Outcome
from iii_triggers.engine.payload import Payload

from .copying import line_of, moment_text
from .plain_lines import plain_line
from .rows import Facts, PayloadRow, Run, run_of
from .upserts import row_text


class Entry(Struct, gc=False):
    """A run that has ended, or one that takes long: its rows, as the database gets them.

    Texts only. A reference to the call would keep all that belonged to it alive, and the garbage
    collector looking at it. The texts are made on the event loop: a thread that makes thousands of
    them keeps the loop waiting for five milliseconds each time both want to run.
    """

    run_id: str
    function_id: str
    run: bytes
    """A ``Run``."""
    payload: bytes
    """A ``PayloadRow``; empty if none is kept."""
    is_line: bool
    """Whether they are lines of COPY, for a run that has no row yet; else they are JSON."""

    @property
    def size(self) -> int:
        """How many bytes it holds."""
        return len(self.run) + len(self.payload)


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
        plain = plain_line(facts, node_id) if isinstance(outcome, Payload) else None
        with suppress(ValueError):
            run = plain or _line(run_of(facts, outcome, node_id=node_id))
            payload_text = line_of(payload) if payload else b""
            return Entry(facts.run_id, facts.function_id, run, payload_text, is_line=True)
    run = row_text(run_of(facts, outcome, node_id=node_id))
    payload_text = row_text(payload) if payload else b""
    return Entry(facts.run_id, facts.function_id, run, payload_text, is_line=False)


def _line(run: Run) -> bytes:
    run.started_at = moment_text(float(run.started_at))
    return line_of(run)
