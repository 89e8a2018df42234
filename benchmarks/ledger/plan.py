"""How long and how often to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run."""

    seconds: float
    """How long a round of bare tasks takes, about."""
    rounds: int
    pools: tuple[str, ...]
    """Celery's pools to measure with; the ratio on threads is the one that is judged."""
    latencies: int
    """How many messages each latency is measured with."""
    ticks: int
    """How many ticks of cron are measured."""
    folder: Path
    say: Callable[[str], None]
