"""Configurations: named values with a schema, and triggers that tell of their changes."""

from .registrator import ConfigurationTriggerType

__all__ = ["ConfigurationTriggerType"]
