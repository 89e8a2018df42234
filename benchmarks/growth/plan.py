"""How much grows, for how long, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

START_AIM_S = 3.0
REGISTERING_AIM = 1.5
MEMORY_AIM_MB = 400.0
GROWTH_AIM = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run. ``_s`` is seconds."""

    triggers: int
    workers: int
    functions: int
    """How many each of the workers offers."""
    processes: int
    """How many processes hold the workers."""
    rounds: int
    window: int
    """How many triggers are registered in one measurement."""
    settling_s: float
    """How long memory is given to become steady."""
    warm_up_s: float
    load_s: float
    folder: Path
    say: Callable[[str], None]


def path_of(number: int) -> str:
    """Return the path of a stored trigger."""
    return f"grown/{number}"
