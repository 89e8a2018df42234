"""An event-trigger engine inside a Django site.

``from iii_triggers import function, trigger, trigger_type, invoke, ainvoke, fire_triggers``.
The names are looked up at first use, because ``iii_triggers.sdk`` must import without Django.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import current_invocation
    from .delivery.api import aenqueue, enqueue, enqueue_call
    from .engine.declarations import function, trigger, trigger_type
    from .engine.process import afire_triggers, ainvoke, fire_triggers, get_engine, invoke
    from .engine.pubsub import apublish, publish

__all__ = [
    "aenqueue",
    "afire_triggers",
    "ainvoke",
    "apublish",
    "current_invocation",
    "enqueue",
    "enqueue_call",
    "fire_triggers",
    "function",
    "get_engine",
    "invoke",
    "publish",
    "trigger",
    "trigger_type",
]

_HOMES = {
    "aenqueue": "iii_triggers.delivery.api",
    "apublish": "iii_triggers.engine.pubsub",
    "current_invocation": "iii_triggers.context",
    "enqueue": "iii_triggers.delivery.api",
    "enqueue_call": "iii_triggers.delivery.api",
    "function": "iii_triggers.engine.declarations",
    "publish": "iii_triggers.engine.pubsub",
    "trigger": "iii_triggers.engine.declarations",
    "trigger_type": "iii_triggers.engine.declarations",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "iii_triggers.engine.process")), name)
