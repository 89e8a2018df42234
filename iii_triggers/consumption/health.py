"""How the parts of Celery are that run inside this process."""

from __future__ import annotations

from .supervision import State, Supervised

parts: dict[str, Supervised] = {}
"""``consumer`` and ``beat``, in ``runengine``."""


def states() -> dict[str, State]:
    """Return how each part is: ``{"consumer": "running", "beat": "restarting"}``."""
    return {name: part.state for name, part in parts.items()}
