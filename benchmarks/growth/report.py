"""What growth costs."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import msgspec

from .plan import GROWTH_AIM, MEMORY_AIM_MB, REGISTERING_AIM, START_AIM_S
from .registering import Registering
from .starts import Starts
from .weighing import Growth, Weight


class GrowthReport(msgspec.Struct, frozen=True, kw_only=True):
    """Measurements of one run; ``starts`` by database."""

    triggers: int = 0
    workers: int = 0
    starts: dict[str, Starts] = {}
    registering: Registering | None = None
    weight: Weight | None = None
    growth: Growth | None = None

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        if not self.triggers:
            return
        yield ""
        yield f"growth: {self.triggers:,} HTTP triggers, {self.workers:,} workers (uvicorn)"
        for database, found in self.starts.items():
            yield from self._start_lines(database, found)
        yield from self._registering_lines()
        if self.weight is not None:
            mb = self.weight.full_kb / 1024
            what = f"memory (empty: {self.weight.empty_kb / 1024:.0f} MB)"
            yield _line(what, mb, "MB", aim=MEMORY_AIM_MB)
        yield from self._growth_lines()

    def _start_lines(self, database: str, found: Starts) -> Iterator[str]:
        walls = [start.wall_s for start in found.starts]
        cpu = median(start.cpu_s for start in found.starts)
        what = (
            f"start on {database} (processor {cpu:.2f} s, answers {found.answered_s:.1f} s after "
        )
        what += f"the command), {min(walls):.2f}/{median(walls):.2f}/{max(walls):.2f} s"
        yield _line(what, median(walls), "s", aim=START_AIM_S)

    def _registering_lines(self) -> Iterator[str]:
        found = self.registering
        if found is None:
            return
        few, many = median(found.few_us), median(found.many_us)
        what = (
            f"registering a trigger: {few:.0f} us of the loop with {found.few}, {many:.0f} us with "
        )
        what += f"{found.many:,} (rows of all: {found.written_s:.1f} s)"
        yield _line(what, many / few, "times", aim=REGISTERING_AIM)

    def _growth_lines(self) -> Iterator[str]:
        found = self.growth
        if found is None:
            return
        what = f"memory after {found.load_s / 60:.1f} min of load, {found.answered:,} requests"
        what += "" if found.with_node else ", without Node"
        yield _line(what, found.share * 100, "% more", aim=GROWTH_AIM * 100)
        yield f"    MB by minute: {' '.join(f'{kb / 1024:.1f}' for kb in found.minutes_kb)}"


def _line(what: str, value: float, unit: str, *, aim: float) -> str:
    verdict = "met" if value <= aim else "NOT MET"
    return f"  {what}: {value:.2f} {unit}, aim {aim:g}: {verdict}"
