"""Spans of invocations: one each, between what called and what runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.context import Context, attach
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from iii_triggers.engine.history.redaction import redact_message
from iii_triggers.engine.telemetry.complaints import Complaints
from iii_triggers.protocol.errors import IiiError

from .attributes import Target, kind_of, of_invocation
from .contexts import context_of, traceparent_of

if TYPE_CHECKING:
    from iii_triggers.engine.calls import Outcome, Pending

logger = logging.getLogger(__name__)

MAX_MESSAGE = 1000
"""Characters of the message of an error."""
OF_THE_ENGINE = "engine::"
"""Functions without spans: what SDKs say of themselves, all the time."""


@dataclass(frozen=True, slots=True)
class Traced:
    """The span of a call, and what its function runs in."""

    span: Span
    context: Context

    def enter(self) -> None:
        """Make the span the current one for the rest of the running task or context."""
        attach(self.context)


class Spans:
    """Makes the spans of invocations. No failure of OpenTelemetry fails a call."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self.lost = Complaints(logger, "%d spans could not be made or ended: %s")

    def begin(self, pending: Pending, target: Target) -> None:
        """Begin the span of a call; from now on its ``traceparent`` is that of the span."""
        try:
            pending.traced = self._traced(pending, target)
        except Exception as error:  # noqa: BLE001 - exporters and samplers are the site's
            self.lost.add(repr(error))

    def end(self, pending: Pending, outcome: Outcome) -> None:
        """End the span of a call."""
        if pending.traced is None:
            return
        span = pending.traced.span
        if isinstance(outcome, IiiError):
            failed(span, outcome.code, outcome.message)
        self.finish(span)

    def finish(self, span: Span) -> None:
        """End a span, and so hand it to the exporters of the site."""
        try:
            span.end()
        except Exception as error:  # noqa: BLE001 - exporters and samplers are the site's
            self.lost.add(repr(error))

    def _traced(self, pending: Pending, target: Target) -> Traced:
        call = pending.call
        parent = context_of(call.traceparent)
        if call.function_id.startswith(OF_THE_ENGINE):
            return Traced(INVALID_SPAN, parent)
        span = self.tracer.start_span(
            call.function_id,
            context=parent,
            kind=kind_of(call, target),
            attributes=of_invocation(pending, target),
        )
        call.traceparent = traceparent_of(span) or call.traceparent
        return Traced(span, set_span_in_context(span, parent))


def failed(span: Span, code: str, message: str = "") -> None:
    """Say that what a span stands for failed."""
    if not span.is_recording():
        return
    span.set_status(Status(StatusCode.ERROR, code))
    span.set_attribute("error.type", code)
    if message:
        said = redact_message(message[:MAX_MESSAGE])
        span.add_event("exception", {"exception.type": code, "exception.message": said})


def traceparent_now() -> str:
    """Return the trace context of the running span; "" if none runs."""
    return traceparent_of(get_current_span())
