"""What many workers cost."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import msgspec

from .plan import LATENCY_AIM, MEMORY_AIM_KB, REGISTERED_AIM_S


class WorkersReport(msgspec.Struct, frozen=True, kw_only=True):
    """Measurements of one server; ``few_ms`` and ``many_ms`` are medians, one for each round."""

    workers: int
    few: int
    functions: int
    registered_s: float
    before_kb: int
    after_kb: int
    few_ms: list[float]
    many_ms: list[float]

    @property
    def kb_per_worker(self) -> float:
        """Memory of the engine for each connected worker."""
        return (self.after_kb - self.before_kb) / self.workers

    @property
    def latency_ratio(self) -> float:
        """How many times as long a call takes among many workers."""
        pairs = zip(self.many_ms, self.few_ms, strict=True)
        return median(many / few for many, few in pairs)

    def lines(self, server: str) -> Iterator[str]:
        """Yield the table."""
        yield f"{server}: {self.workers:,} workers with {self.functions} functions each"
        yield _line("registered, callable and stored", self.registered_s, "s", aim=REGISTERED_AIM_S)
        yield _line("memory of a worker", self.kb_per_worker, "KB", aim=MEMORY_AIM_KB)
        few, many = median(self.few_ms), median(self.many_ms)
        call = f"a call: {few:.3f} ms with {self.few} workers, {many:.3f} ms with {self.workers:,}"
        yield _line(call, self.latency_ratio, "times", aim=LATENCY_AIM)


def _line(what: str, value: float, unit: str, *, aim: float) -> str:
    verdict = "met" if value <= aim else "NOT MET"
    return f"  {what}: {value:.2f} {unit}, aim {aim:g}: {verdict}"
