"""What routing costs with ten and with ten thousand routes."""

from __future__ import annotations

import random
from statistics import median
from time import perf_counter

import msgspec

from iii_triggers.trigger_types.http.candidates import Candidate
from iii_triggers.trigger_types.http.routes import RouteTable

FEW, MANY = 10, 10_000
MATCHES = 10_000
REPEATS = 15
AIM = 1.2


class RoutingCost(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds for one match with FEW and MANY routes, and how many times more MANY is."""

    few_us: float
    many_us: float
    ratio: float
    aim: float | None


def routing_costs() -> dict[str, RoutingCost]:
    """Measure the same two routes again and again, and all of them in random order.

    Only the first has an aim: the second also pays for memory outside the processor's cache.
    """
    tables = {count: _table(count) for count in (FEW, MANY)}
    one = {count: [_path(8), _path(9)] * (MATCHES // 2) for count in tables}
    shuffled = {count: _random_paths(count) for count in tables}
    return {
        "same routes": _cost(tables, one, aim=AIM),
        "random routes": _cost(tables, shuffled, aim=None),
    }


def _table(count: int) -> RouteTable[int]:
    table: RouteTable[int] = RouteTable()
    for number in range(count):
        pattern = f"r{number}/items/:id" if number % 2 else f"r{number}/items"
        candidate = Candidate(
            key=number,
            trigger_id=str(number),
            function_id="f",
            namespace="default",
            is_worker_owned=False,
            target=number,
        )
        table.add("GET", pattern, candidate)
    return table


def _path(number: int) -> bytes:
    return b"/r%d/items/42" % number if number % 2 else b"/r%d/items" % number


def _random_paths(count: int) -> list[bytes]:
    numbers = random.Random(count)
    return [_path(numbers.randrange(count)) for _ in range(MATCHES)]


def _cost(
    tables: dict[int, RouteTable[int]], paths: dict[int, list[bytes]], *, aim: float | None
) -> RoutingCost:
    rounds = [
        {count: _seconds(table, paths[count]) for count, table in tables.items()}
        for _ in range(REPEATS)
    ]
    return RoutingCost(
        few_us=median(times[FEW] for times in rounds) / MATCHES * 1e6,
        many_us=median(times[MANY] for times in rounds) / MATCHES * 1e6,
        ratio=median(times[MANY] / times[FEW] for times in rounds),
        aim=aim,
    )


def _seconds(table: RouteTable[int], paths: list[bytes]) -> float:
    start = perf_counter()
    for path in paths:
        table.match("GET", path)
    return perf_counter() - start
