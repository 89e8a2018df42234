"""What a run tells: a table for people and one JSON document for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from statistics import median

import msgspec

from .cells import FLOOR, VIEW, Aim
from .edits.report import EditsReport
from .growth.report import GrowthReport
from .history.report import HistoryReport
from .ledger.report import LedgerReport
from .load import Measurement
from .nodes.report import NodesReport
from .routing import FEW, MANY, RoutingCost
from .runs import BUSY, Series
from .workers.report import WorkersReport

PACKAGES = ("django", "uvicorn", "daphne", "websockets", "msgspec", "celery", "kombu")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured in one run: ``servers`` maps uvicorn and daphne to their series."""

    seconds: float
    rounds: int
    machine: dict[str, str]
    routing: dict[str, RoutingCost]
    servers: dict[str, list[Series]]
    ledger: LedgerReport
    workers: dict[str, WorkersReport]
    history: HistoryReport
    nodes: NodesReport
    edits: EditsReport
    growth: GrowthReport

    def failures(self) -> list[str]:
        """Name what was answered with anything but 200."""
        return [*self._failed_requests(), *self.history.failures(), *self.nodes.failures()]

    def _failed_requests(self) -> list[str]:
        return [
            f"{server} {series.key}: {measurement.statuses}"
            for server, all_series in self.servers.items()
            for series in all_series
            for measurement in [*series.busy, *series.single]
            if set(measurement.statuses) != {"200"}
        ]

    def lines(self) -> Iterator[str]:
        """Yield the table, line by line."""
        yield f"{self.rounds} round(s) of {self.seconds:g} s; requests/s as min/median/max"
        yield ", ".join(f"{name} {value}" for name, value in self.machine.items())
        for server, all_series in self.servers.items():
            yield from _server_lines(server, all_series)
        yield ""
        for name, cost in self.routing.items():
            yield _routing_line(name, cost)
        yield from self.ledger.lines()
        for server, crowd in self.workers.items():
            yield ""
            yield from crowd.lines(server)
        yield from self.history.lines()
        yield from self.nodes.lines()
        yield from self.edits.lines()
        yield from self.growth.lines()


def machine() -> dict[str, str]:
    """Describe what the numbers were measured on."""
    about = {"python": platform.python_version(), "processors": str(os.cpu_count())}
    return about | {package: version(package) for package in PACKAGES}


def ratios(series: Series, baseline: Series) -> list[float]:
    """Return how many times the baseline's requests/s, round by round."""
    pairs = zip(series.busy, baseline.busy, strict=True)
    return [own.requests_per_s / max(base.requests_per_s, 1.0) for own, base in pairs]


def _server_lines(server: str, all_series: list[Series]) -> Iterator[str]:
    by_key = {series.key: series for series in all_series}
    single = "1 connection: p50 / p99 ms (added)"
    yield ""
    yield f"{server:<31} {f'{BUSY} connections: requests/s':>24} {'p50 / p99 ms':>15} {single:>38}"
    for series in all_series:
        row = f"({series.key}) {series.label:<27} {_rates(series.busy):>24}"
        row += f" {_latency(series.busy):>15} {_latency(series.single):>26}"
        yield f"{row} {_added(series, by_key.get(FLOOR)):>11}".rstrip()
    for series in all_series:
        yield from _ratio_lines(series, by_key)


def _ratio_lines(series: Series, by_key: dict[str, Series]) -> Iterator[str]:
    """Yield how a cell stands to the baselines, with its aims."""
    aims = {aim.baseline: aim for aim in series.aims}
    for key in (VIEW, FLOOR):
        baseline = by_key.get(key)
        if baseline is not None and series.key not in (VIEW, FLOOR):
            found = ratios(series, baseline)
            line = f"({series.key}) / ({key}): {_spread(found)} times (min/median/max)"
            yield line + _verdict(median(found), aims.get(key))
    floor = by_key.get(FLOOR)
    if floor is not None and series.added_ms_aim is not None:
        added = _p50_ms(series.single) - _p50_ms(floor.single)
        line = f"({series.key}) added to the floor, 1 connection: {added:.2f} ms"
        yield line + _aim(added < series.added_ms_aim, series.added_ms_aim)


def _spread(values: list[float]) -> str:
    return f"{min(values):.2f}/{median(values):.2f}/{max(values):.2f}"


def _verdict(times: float, aim: Aim | None) -> str:
    return "" if aim is None else _aim(times >= aim.times, aim.times)


def _routing_line(name: str, cost: RoutingCost) -> str:
    line = f"routing, {name}: {cost.few_us:.2f} us a match with {FEW} routes, "
    line += f"{cost.many_us:.2f} us with {MANY:,}: {cost.ratio:.2f} times"
    return line if cost.aim is None else line + _aim(cost.ratio <= cost.aim, cost.aim)


def _rates(rounds: list[Measurement]) -> str:
    rates = [measurement.requests_per_s for measurement in rounds]
    return f"{min(rates):,.0f}/{median(rates):,.0f}/{max(rates):,.0f}"


def _latency(rounds: list[Measurement]) -> str:
    return f"{_p50_ms(rounds):.2f} / {median(one.p99_ms for one in rounds):.2f}"


def _p50_ms(rounds: list[Measurement]) -> float:
    return median(measurement.p50_ms for measurement in rounds)


def _added(series: Series, floor: Series | None) -> str:
    if floor is None or floor is series:
        return ""
    return f"({_p50_ms(series.single) - _p50_ms(floor.single):+.2f})"


def _aim(is_met: bool, aim: float) -> str:  # noqa: FBT001
    return f", aim {aim:g}: {'met' if is_met else 'NOT MET'}"
