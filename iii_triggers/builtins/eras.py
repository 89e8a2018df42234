"""What callers of an age expect (protocol reference, section 11.3)."""

from __future__ import annotations

from iii_triggers.engine.functions import CallContext

DISCOVERY_REWORK = (0, 13, 0)
"""The SDK version since which ``engine::triggers::list`` means types, and modules are workers."""


def is_before_rework(context: CallContext) -> bool:
    """Tell whether the caller's SDK is older than the rework; an unknown version is not."""
    version = context.caller.sdk_version if context.caller is not None else None
    return version is not None and version < DISCOVERY_REWORK
