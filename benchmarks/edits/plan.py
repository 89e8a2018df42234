"""How many edits to make, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WITHIN_MS = 1000.0
WITHOUT_REDIS_MS = 2000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run."""

    idle: int
    """Edits while nothing else happens."""
    loaded: int
    """Edits while the processes answer requests."""
    without_redis: int
    folder: Path
    say: Callable[[str], None]
