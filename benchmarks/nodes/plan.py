"""How long and how often to measure, and what should be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CROSSED_AIM = 0.4
DOUBLED_AIM = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run."""

    seconds: float
    rounds: int
    folder: Path
    say: Callable[[str], None]
