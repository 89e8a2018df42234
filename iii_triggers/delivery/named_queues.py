"""Named queues: ``III_QUEUES`` (trigger reference, section 4.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from iii_triggers.conf import settings

DEFAULT_NAME = "default"
MAX_NAME = 255


class NamedQueue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``III_QUEUES``."""

    max_retries: int = 3
    """Attempts in all, as in the reference."""
    concurrency: int | None = None
    """How many calls run at the same time, on all nodes together; None is no limit."""
    type: Literal["standard", "fifo"] = "standard"
    message_group_field: str | None = None
    """Key of the data; calls with the same value of it run in order, if the type is fifo."""
    backoff_ms: int = 1000
    """Pause after the first failure; it doubles with each further one."""


def named_queue_names() -> list[str]:
    """Return the configured names; ``default`` always exists."""
    return sorted({DEFAULT_NAME, *settings.III_QUEUES})


def named_queue_config(name: str) -> NamedQueue | None:
    """Return the config of a queue; None if there is none."""
    stored: Any = settings.III_QUEUES.get(name, {} if name == DEFAULT_NAME else None)
    return None if stored is None else msgspec.convert(stored, NamedQueue)


def named_queue_problems(queues: Mapping[str, Any]) -> Iterator[str]:
    """Return what is wrong with a value of ``III_QUEUES``, in the words of the reference."""
    for name, stored in queues.items():
        if not name or len(name) > MAX_NAME or "\0" in name:
            yield f"{name!r} cannot be the name of a queue"
        yield from _problems(name, stored)


def _problems(name: str, stored: Any) -> Iterator[str]:
    if isinstance(stored, Mapping) and stored.get("type", "standard") not in ("standard", "fifo"):
        yield f"Queue '{name}' has invalid type '{stored['type']}'. Must be 'standard' or 'fifo'"
        return
    try:
        queue = msgspec.convert(stored, NamedQueue)
    except msgspec.ValidationError as error:
        yield f"Queue '{name}': {error}"
        return
    if queue.type == "fifo" and not queue.message_group_field:
        yield f"Queue '{name}' is of type 'fifo' but 'message_group_field' is not set"
    for key, minimum in (("concurrency", 1), ("max_retries", 1), ("backoff_ms", 0)):
        value = getattr(queue, key)
        if value is not None and value < minimum:
            yield f"Queue '{name}' has '{key}' {value}; it must be at least {minimum}"
