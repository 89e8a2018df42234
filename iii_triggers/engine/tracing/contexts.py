"""Between W3C trace context, which calls carry, and spans."""

from __future__ import annotations

from opentelemetry.context import Context, get_current
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from iii_triggers.protocol.trace_context import valid_traceparent

NOWHERE = Context()
"""The parent of a span that begins a trace."""


def traceparent_of(span: Span) -> str:
    """Return what goes out for a span; "" for one without a trace."""
    at = span.get_span_context()
    if not at.is_valid:
        return ""
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"


def context_of(traceparent: str | None, tracestate: str = "") -> Context:
    """Return the parent that ``traceparent`` names; NOWHERE for what names none.

    Where it is the running span, that is the parent, with its ``tracestate`` and all it carries.
    """
    text = valid_traceparent(traceparent)
    if text is None:
        return NOWHERE
    if text == traceparent_of(get_current_span()):
        return get_current()
    return set_span_in_context(NonRecordingSpan(_remote(text, tracestate)), NOWHERE)


def _remote(text: str, tracestate: str) -> SpanContext:
    _version, trace_id, span_id, flags = text.split("-")
    return SpanContext(
        trace_id=int(trace_id, 16),
        span_id=int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=TraceState.from_header([tracestate]) if tracestate else None,
    )
