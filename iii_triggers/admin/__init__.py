"""The pages of the app in /admin: triggers and their types are edited there, live rows shown."""

from . import (
    configurations,
    dashboard,
    deliveries,
    functions,
    invocations,
    nodes,
    state_items,
    stream_items,
    subscriptions,
    tokens,
    topics,
    trigger_types,
    triggers,
    workers,
)

__all__ = [
    "configurations",
    "dashboard",
    "deliveries",
    "functions",
    "invocations",
    "nodes",
    "state_items",
    "stream_items",
    "subscriptions",
    "tokens",
    "topics",
    "trigger_types",
    "triggers",
    "workers",
]
