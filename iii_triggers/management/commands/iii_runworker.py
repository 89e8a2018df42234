"""``manage.py iii_runworker``: our ``runworker`` where another app's hides it."""

from .runworker import Command

__all__ = ["Command"]
