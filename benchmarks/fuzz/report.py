"""What a run of the fuzzer found."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .attack import Toll
from .bystander import Testimony

MIB_KB = 1024.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is still allowed. Memory is that of the engine after everybody has left."""

    first_round_mb: float = 48.0
    second_round_mb: float = 16.0
    p99_ms: float = 1500.0
    longest_ms: float = 5000.0


class FuzzReport(msgspec.Struct, frozen=True, kw_only=True):
    """One run: ``memory_kb`` is before, after the first round and after the second."""

    server: str
    seed: int
    tolls: list[Toll]
    memory_kb: list[int]
    testimony: Testimony
    left_behind: dict[str, int]
    """What of strangers is still there, by table."""
    ended: bool
    """Whether the engine ended before it was asked to."""
    errors: list[str]
    """What the engine logged as an error."""
    limits: Limits = Limits()

    def failures(self) -> Iterator[str]:
        """Name what must not be."""
        if self.ended:
            yield "the engine ended"
        if any("out of time" in toll.endings for toll in self.tolls):
            yield "not all frames were sent in time"
        yield from (f"the engine logged: {error}" for error in self.errors)
        yield from (f"a bystander: {wrong}" for wrong in self.testimony.wrong)
        yield from (f"left behind: {n} {table}" for table, n in self.left_behind.items() if n)
        yield from self._too_much()

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        for toll in self.tolls:
            yield (
                f"{self.server}: {toll.frames:,} frames in {toll.sessions:,} sessions, "
                f"{toll.frames / max(toll.seconds, 0.1):,.0f}/s; {toll.endings}"
            )
        testimony = self.testimony
        yield (
            f"  bystanders: {testimony.calls:,} calls, p50 {testimony.p50_ms:.1f} ms, "
            f"p99 {testimony.p99_ms:.1f} ms, longest {testimony.longest_ms:.0f} ms"
        )
        memory = " -> ".join(f"{kb / MIB_KB:.1f}" for kb in self.memory_kb)
        yield f"  memory: {memory} MB; left behind: {self.left_behind}"

    def _too_much(self) -> Iterator[str]:
        before, first, second = (kb / MIB_KB for kb in self.memory_kb)
        measured = (
            ("MB more after the first round", first - before, self.limits.first_round_mb),
            ("MB more after the second round", second - first, self.limits.second_round_mb),
            ("ms for 99 % of the bystanders' calls", self.testimony.p99_ms, self.limits.p99_ms),
            ("ms for the longest", self.testimony.longest_ms, self.limits.longest_ms),
        )
        for what, value, limit in measured:
            if value > limit:
                yield f"{value:.1f} {what}, at most {limit:g} allowed"
