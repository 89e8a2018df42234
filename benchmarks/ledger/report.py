"""What the ledger costs, as lines for people; the structs are the JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import msgspec

from .latency import Latency
from .publish import Case
from .throughput import POOLS, Rounds
from .ticks import TickCost

LABELS: dict[Case, str] = {
    "bare": "bare task that writes a row",
    "nothing": "delivery",
    "row": "delivery whose function writes a row",
}
RATIO_AIM = 0.8
TICK_AIM_MS = 50.0
LATENCY_AIMS_MS = {"embedded, SQLite": 30.0, "Celery, PostgreSQL + Redis": 15.0}


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured about deliveries in one run."""

    throughput: dict[str, Rounds] = {}
    """Celery pool to rounds."""
    latency: dict[str, Latency] = {}
    ticks: dict[str, list[TickCost]] = {}
    """Database to costs."""
    skipped: list[str] = []
    """What was not measured, and why."""

    def lines(self) -> Iterator[str]:
        """Yield the tables, line by line."""
        for pool, rounds in self.throughput.items():
            yield ""
            yield from _throughput_lines(pool, rounds)
        yield ""
        for name, latency in self.latency.items():
            yield _latency_line(name, latency)
        for name, costs in self.ticks.items():
            yield from (_tick_line(name, cost) for cost in costs)
        yield from (f"not measured: {reason}" for reason in self.skipped)


def _throughput_lines(pool: str, rounds: Rounds) -> Iterator[str]:
    name = f"Celery {pool}, {POOLS[pool]} at a time"
    yield f"{name:<40} {'done/s min/median/max':>24} {'of bare, min/median/max':>26}"
    for case, label in LABELS.items():
        rates = [measured[case].per_s for measured in rounds]
        ratios = [measured[case].per_s / measured["bare"].per_s for measured in rounds]
        line = f"{label:<40} {_spread(rates, '.0f'):>24}"
        if case != "bare":
            line += f" {_spread(ratios, '.2f'):>26}"
        if case == "nothing" and pool == "threads":
            line += _aim(median(ratios) >= RATIO_AIM, f"{RATIO_AIM:g}")
        yield line


def _latency_line(name: str, latency: Latency) -> str:
    aim_ms = LATENCY_AIMS_MS[name]
    line = f"publish to start, {name}: p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms"
    return line + _aim(latency.p50_ms < aim_ms, f"p50 < {aim_ms:g} ms")


def _tick_line(name: str, cost: TickCost) -> str:
    line = f"tick of cron, {name}, {cost.triggers:,} triggers, {cost.due} due: "
    line += f"p50 {cost.p50_ms:.1f} ms, max {cost.max_ms:.1f} ms"
    return line + _aim(cost.p50_ms < TICK_AIM_MS, f"< {TICK_AIM_MS:g} ms")


def _spread(values: list[float], form: str) -> str:
    return "/".join(format(value, form) for value in (min(values), median(values), max(values)))


def _aim(is_met: bool, aim: str) -> str:  # noqa: FBT001
    return f", aim {aim}: {'met' if is_met else 'NOT MET'}"
