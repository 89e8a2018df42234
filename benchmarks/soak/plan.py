"""How hard the soak is: the short version for every submission, the full one for ``make soak``."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Numbers of one run. ``_s`` is seconds."""

    messages: int
    publishing_s: float
    """How long the publishers take if nothing goes wrong."""
    engine_kills: int
    rounds: int
    """How often each kind of strike happens at least, with separate processes."""
    longest_s: float
    """After which time nothing strikes any more."""
    settling_s: float
    """How long the end may take."""
    two_beats_s: float
    beat_down_s: float
    seed: int
    folder: Path
    say: Callable[[str], None]

    def chance(self, part: str) -> random.Random:
        """Return the randomness of a part: the same for the same seed."""
        return random.Random(f"{self.seed} {part}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a part found: facts for the table, and what must not be."""

    part: str
    facts: tuple[str, ...]
    failures: tuple[str, ...] = ()
    skipped: str = ""
    seconds: float = field(default=0.0, compare=False)
