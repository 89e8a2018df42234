"""Names that the processes under test and the load share; imports nothing of the project."""

from __future__ import annotations

NEWS = "kill.news"
"""The topic of published and subscribed messages."""
STREAM, GROUP = "kill", "all"
ITEMS = 20
"""How many items of the stream are set again and again."""


def heard(worker: str) -> str:
    """Return the name of the notes of what a worker heard."""
    return f"heard {worker}"
