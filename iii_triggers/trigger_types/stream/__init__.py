"""Streams: the types ``stream``, ``stream:join`` and ``stream:leave``, and ``stream::*``."""

from __future__ import annotations

from .presence import StreamJoinTriggerType, StreamLeaveTriggerType
from .registrator import StreamTriggerType

__all__ = ["StreamJoinTriggerType", "StreamLeaveTriggerType", "StreamTriggerType"]
