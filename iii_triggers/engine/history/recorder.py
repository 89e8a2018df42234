"""The history as the event loop sees it: what ended is noted, and written a moment later.

Noting costs the caller two lines of text. A thread of its own hands them to the database, many in
one statement. When more runs end than it can write, what is over
``III_HISTORY_MAX_PENDING`` is counted and not kept.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache

from iii_triggers.conf import settings
from iii_triggers.engine.calls import Call, Outcome, Pending
from iii_triggers.engine.database import DatabaseThread
from iii_triggers.engine.ids import IdSource
from iii_triggers.engine.payload import Payload
from iii_triggers.protocol.errors import FunctionNotFound, IiiError, SerializationFailed

from .allowance import PayloadAllowance
from .buckets import bucket_of
from .counts import RunCounts
from .entries import Entry, first_batch, make_entry
from .numbers import Numbers
from .plain_runs import Alike, PlainRuns
from .pruning import Pruning
from .rows import facts_of, payload_of, run_id_of
from .writing import can_copy, write

logger = logging.getLogger(__name__)

SHOWN_AFTER_S = 1.0
"""A run that takes longer has a row before it ends."""
MAX_BYTES = 64 * 1024 * 1024
"""How much may wait to be written; beyond that, runs are kept without their payloads."""
PLAIN_AT_ONCE = 500
KINDS_AT_ONCE = 50
"""Plain runs that are noted together, and of how many kinds: that keeps the loop for half a
millisecond."""


@dataclass(slots=True, kw_only=True)
class History:
    """What waits to be written."""

    node_id: str
    new_id: IdSource
    dropped: int = 0
    """How many runs were not kept, because too many waited."""
    _counts: RunCounts = field(default_factory=RunCounts)
    _database: DatabaseThread = field(default_factory=DatabaseThread)
    _plain: PlainRuns = field(init=False)
    """Runs that ended and are not noted yet."""
    _entries: list[Entry] = field(default_factory=list)
    _noted: int = 0
    """How many runs they are."""
    _numbers: Numbers = field(default_factory=Numbers)
    _pruning: Pruning = field(default_factory=Pruning)
    _payloads: PayloadAllowance = field(default_factory=PayloadAllowance)
    _bytes: int = 0
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _copies: bool = field(default_factory=can_copy)

    def __post_init__(self) -> None:
        self._plain = PlainRuns(new_id=self.new_id)

    def keep_input(self, pending: Pending) -> None:
        """Note the input of a function of this process before it can change it."""
        if settings.III_HISTORY != "off":
            try:
                pending.call.data.json()
            except SerializationFailed:
                # It is an input nobody can look at; the function may take it.
                return

    def ended(self, pending: Pending, outcome: Outcome) -> None:
        """Note a run; one for another node is noted there. Whatever fails here fails nobody."""
        try:
            now = time.time()
            duration_ms = max((now - pending.started_at) * 1000, 0.0)
            if self._is_plain(pending, outcome):
                self._plain.add(pending, ended_at=now, duration_ms=duration_ms)
                if self._plain.count >= PLAIN_AT_ONCE or self._plain.kinds >= KINDS_AT_ONCE:
                    self._note_plain()
            else:
                self._ended(pending, outcome, duration_ms)
        except Exception:
            logger.exception("A run of %s could not be noted.", pending.call.function_id)

    def _is_plain(self, pending: Pending, outcome: Outcome) -> bool:
        """Tell whether this is one of very many: those keep no payload, and are noted together."""
        return (
            outcome.__class__ is Payload
            and time.monotonic() < self._payloads.used_up_until
            and not pending.is_shown
            and not pending.stays_here
            and not _is_delivery(pending.call)
            and settings.III_HISTORY == "all"
        )

    def _note_plain(self) -> None:
        """Note the plain runs that ended since the last time."""
        is_excluded = _excluded().match
        for alike in self._plain.take():
            try:
                self._note_alike(alike, is_kept=is_excluded(alike.facts.function_id) is None)
            except Exception:
                logger.exception("Runs of %s could not be noted.", alike.facts.function_id)

    def _note_alike(self, alike: Alike, *, is_kept: bool) -> None:
        self._count(alike, is_kept=is_kept)
        if not is_kept:
            return
        room = max(settings.III_HISTORY_MAX_PENDING - self._noted, 0)
        if len(alike.runs) > room:
            self._drop(len(alike.runs) - room)
            del alike.runs[room:]
        if alike.runs:
            for entry in alike.entries(node_id=self.node_id, as_lines=self._copies):
                self._note(entry)

    def _count(self, alike: Alike, *, is_kept: bool) -> None:
        for bucket, (count, total_ms) in alike.durations().items():
            self._counts.add(alike.facts, Payload, duration_ms=total_ms, bucket=bucket, count=count)
            if is_kept:
                self._numbers.add(
                    alike.facts,
                    ended_at=alike.ended_at,
                    bucket=bucket,
                    is_failed=False,
                    count=count,
                )

    def _ended(self, pending: Pending, outcome: Outcome, duration_ms: float) -> None:
        call = pending.call
        if pending.stays_here or (isinstance(outcome, FunctionNotFound) and _is_delivery(call)):
            return
        bucket = bucket_of(duration_ms)
        self._counts.add(call, outcome.__class__, duration_ms=duration_ms, bucket=bucket)
        kept = settings.III_HISTORY
        if kept == "off" or _excluded().match(call.function_id):
            return
        is_failed = isinstance(outcome, IiiError)
        self._numbers.add(call, ended_at=time.time(), bucket=bucket, is_failed=is_failed)
        if kept == "failures" and not is_failed and not pending.is_shown:
            return
        # A row that says that the run goes on is never left like that.
        if self._noted >= settings.III_HISTORY_MAX_PENDING and not pending.is_shown:
            self._drop(1)
            return
        self._note_whole(pending, outcome, duration_ms)

    async def show(self, pending: Pending) -> None:
        """Have a row of a run that has not ended, now."""
        if settings.III_HISTORY != "off" and not pending.is_shown:
            self._show(pending)
        await self.flush()

    def show_slow(self, pending: Iterable[Pending]) -> None:
        """Have rows of runs that take long, with the next batch."""
        if settings.III_HISTORY != "all":
            return
        until = time.time() - SHOWN_AFTER_S
        for one in pending:
            if one.started_at <= until and not one.is_shown and not one.stays_here:
                self._show(one)

    def show_again(self, pending: Iterable[Pending]) -> None:
        """Have rows written again that say that a run runs: others took this process for dead."""
        for one in pending:
            if one.is_shown:
                self._show(one)

    async def flush(self) -> None:
        """Write what waits. Raise DatabaseError if that fails; it then waits on.

        It goes on when its caller gives up: what is being written must not be written again.
        """
        task = asyncio.get_running_loop().create_task(self._write_waiting())
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        await asyncio.shield(task)

    async def prune(self) -> None:
        """Delete what is too old, between what is written."""
        await self._pruning.run(self._database)

    @property
    def counts(self) -> RunCounts:
        """All that ended here, whether they are kept or not."""
        self._note_plain()
        return self._counts

    @property
    def waiting(self) -> int:
        """How many runs wait to be written."""
        return self._noted + self._plain.count

    async def stop(self) -> None:
        """End the thread, when it has written what it was given."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._database.stop()

    async def _write_waiting(self) -> None:
        """Write what waits now, not what goes on coming."""
        async with self._writing:
            self._note_plain()
            waiting = self._noted
            if waiting or self._numbers:
                waiting -= await self._write_batch()
            while waiting > 0:
                waiting -= await self._write_batch()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Whoever waited was told; who gave up does not want to know.
        if not task.cancelled():
            task.exception()

    async def _write_batch(self) -> int:
        batch, count, size = first_batch(self._entries)
        del self._entries[: len(batch)]
        self._noted -= count
        self._bytes -= size
        numbers, self._numbers = self._numbers, Numbers()
        try:
            await self._database.run(write, batch, numbers)
        except BaseException:
            self._numbers.merge(numbers)
            self._entries[:0] = batch
            self._noted += count
            self._bytes += size
            raise
        return count

    def _show(self, pending: Pending) -> None:
        if _excluded().match(pending.call.function_id):
            return
        pending.is_shown = True
        self._note_whole(pending, None, None)

    def _note_whole(
        self, pending: Pending, outcome: Outcome | None, duration_ms: float | None
    ) -> None:
        """Note a run with its payload, if that may be kept."""
        run_id = pending.run_id = run_id_of(pending, self.new_id)
        facts = facts_of(pending, duration_ms)
        is_special = pending.is_shown or not isinstance(outcome, Payload)
        keeps_payload = self._bytes < MAX_BYTES and (is_special or self._payloads.take())
        payload = payload_of(pending.call, outcome, run_id=run_id) if keeps_payload else None
        entry = make_entry(
            facts,
            outcome,
            payload,
            node_id=self.node_id,
            as_line=self._copies and outcome is not None and not pending.is_shown,
        )
        self._note(entry)

    def _note(self, entry: Entry) -> None:
        self._bytes += entry.size
        self._noted += entry.count
        self._entries.append(entry)

    def _drop(self, count: int) -> None:
        if not self.dropped:
            logger.warning("More runs end than the history can write; some are only counted.")
        self.dropped += count


def _is_delivery(call: Call) -> bool:
    """Tell whether a delivery is run: one whose function is away waits, and that is no failure."""
    cause = call.cause
    return cause is not None and cause.delivery_id is not None


def _excluded() -> re.Pattern[str]:
    """Return what matches the functions that are not kept."""
    return _globs(tuple(settings.III_HISTORY_EXCLUDE))


@lru_cache(maxsize=8)
def _globs(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns) or r"(?!)")
