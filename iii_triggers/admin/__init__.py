"""The pages of the app in /admin: triggers and their types are edited there, live rows shown."""

from . import (
    deliveries,
    functions,
    nodes,
    subscriptions,
    tokens,
    topics,
    trigger_types,
    triggers,
    workers,
)

__all__ = [
    "deliveries",
    "functions",
    "nodes",
    "subscriptions",
    "tokens",
    "topics",
    "trigger_types",
    "triggers",
    "workers",
]
