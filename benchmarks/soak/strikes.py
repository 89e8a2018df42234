"""Strikes: what befalls the processes of a site, in an order drawn from a seed."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """Something that goes wrong; ``hit`` returns when it is over, or mended."""

    name: str
    hit: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How often something strikes: at least ``least`` times, ``calm_s`` (from, to) apart."""

    least: int
    calm_s: tuple[float, float]
    longest_s: float


def strike(
    strikes: Sequence[Strike], weather: Weather, chance: random.Random, *, busy: Callable[[], bool]
) -> Counter[str]:
    """Strike until there was enough of it and the publishers are done; return what happened."""
    happened: Counter[str] = Counter()
    deadline = time.monotonic() + weather.longest_s
    for next_one in _drawn(strikes, chance):
        if time.monotonic() > deadline or (happened.total() >= weather.least and not busy()):
            return happened
        time.sleep(chance.uniform(*weather.calm_s))
        next_one.hit()
        happened[next_one.name] += 1
    return happened


def _drawn(strikes: Sequence[Strike], chance: random.Random) -> Iterator[Strike]:
    """Yield all of them again and again, each time in another order."""
    while True:
        yield from chance.sample(strikes, len(strikes))
