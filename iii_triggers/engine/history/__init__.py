"""The history: what ran, and how it went."""

from .recorder import History

__all__ = ["History"]
