"""How many workers, how often they are called, and what is aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REGISTERED_AIM_S = 30.0
MEMORY_AIM_KB = 60.0
LATENCY_AIM = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run. ``_s`` is seconds."""

    many: int
    """How many workers the crowded engine has."""
    few: int
    """How many the other one has."""
    functions: int
    """How many each of them offers."""
    processes: int
    """How many processes hold the many."""
    rounds: int
    calls: int
    """Calls of a round to each engine, one after the other."""
    settling_s: float
    """How long memory is given to become steady."""
    folder: Path
