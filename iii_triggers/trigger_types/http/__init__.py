"""The ``http`` trigger type: requests to functions."""

from .registrator import HttpTriggerType

__all__ = ["HttpTriggerType"]
