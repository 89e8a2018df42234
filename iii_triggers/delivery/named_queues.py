"""Named queues: ``III_QUEUES``."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from iii_triggers.conf import settings

DEFAULT_NAME = "default"


class NamedQueue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``III_QUEUES``."""

    max_retries: int = 3
    concurrency: int | None = None
    type: Literal["standard", "fifo"] = "standard"
    message_group_field: str | None = None
    backoff_ms: int = 1000


def named_queue_names() -> list[str]:
    """Return the configured names; ``default`` always exists."""
    return sorted({DEFAULT_NAME, *settings.III_QUEUES})


def named_queue_config(name: str) -> NamedQueue | None:
    """Return the config of a queue; None if there is none."""
    stored: Any = settings.III_QUEUES.get(name, {} if name == DEFAULT_NAME else None)
    return None if stored is None else msgspec.convert(stored, NamedQueue)
