"""The ``cron`` trigger type: a function runs at the times of a schedule."""

from __future__ import annotations

from .registrator import CronTriggerType

__all__ = ["CronTriggerType"]
