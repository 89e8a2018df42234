"""How long and how often to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RATIO_AIM = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run."""

    seconds: float
    """How long the load of a round lasts."""
    rounds: int
    folder: Path
    say: Callable[[str], None]
