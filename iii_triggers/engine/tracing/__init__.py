"""Spans of OpenTelemetry for what the engine runs, if the site has set OpenTelemetry up.

``Invoker.tracer`` is None without: whoever has something to trace asks for that, and does no more.
"""

from .finding import find_tracer

__all__ = ["find_tracer"]
