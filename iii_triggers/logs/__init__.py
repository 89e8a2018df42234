"""Logging for sites: what is logged about a run says which run, as JSON or as text.

Needs no apps: ``LOGGING`` of the settings may name these classes.
"""

from .context_filter import ContextFilter
from .json_lines import JsonFormatter

__all__ = ["ContextFilter", "JsonFormatter"]
