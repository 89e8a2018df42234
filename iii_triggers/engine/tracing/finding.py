"""Whether there is anything to trace with."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from iii_triggers import context
from iii_triggers.conf import settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from .spans import Spans

NAME = "iii-triggers"


def find_tracer() -> Spans | None:
    """Return what makes spans; None if III_TRACING is "off" or the site set no provider.

    From then on ``current_traceparent`` is the one of the running span as well.
    """
    tracer = None if settings.III_TRACING == "off" else _configured()
    if tracer is None:
        context.follow_spans(None)
        return None
    from .spans import Spans, traceparent_now

    context.follow_spans(traceparent_now)
    return Spans(tracer)


def _configured() -> Tracer | None:
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    tracer = provider.get_tracer(NAME, _version())
    # An SDK that is turned off (OTEL_SDK_DISABLED) gives this.
    return None if isinstance(tracer, trace.NoOpTracer) else tracer


def _version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:
        return ""
