"""The pages of the app in /admin: triggers and their types are edited there, live rows shown."""

from . import functions, nodes, tokens, trigger_types, triggers, workers

__all__ = ["functions", "nodes", "tokens", "trigger_types", "triggers", "workers"]
