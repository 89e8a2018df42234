"""Spans of firings that may take several calls: HTTP requests and deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.context import get_current
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    use_span,
)

from .attributes import Attributes, of_cause
from .contexts import context_of, traceparent_of
from .spans import failed

if TYPE_CHECKING:
    from iii_triggers.engine.causes import Cause
    from iii_triggers.models import Delivery

    from .spans import Spans

MAX_PATH = 1000
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class FiringSpan:
    """The span of a firing that is under way."""

    span: Span
    traceparent: str | None
    """What its calls carry."""

    def answered(self, status: int) -> None:
        """Note the status of the response; what the client did wrong is no error."""
        self.span.set_attribute("http.response.status_code", status)
        if status >= SERVER_ERROR:
            self.span.set_attribute("error.type", str(status))
            self.span.set_status(Status(StatusCode.ERROR))

    def failed(self, code: str, message: str) -> None:
        """Note that the firing failed."""
        failed(self.span, code, message)


@contextmanager
def request_span(
    spans: Spans, cause: Cause, *, method: str, route: str, path: str, parent: tuple[str, str]
) -> Iterator[FiringSpan]:
    """Trace a request to an HTTP trigger; ``parent`` are its ``traceparent`` and ``tracestate``.

    Inside a span of the site's own, such as that of Django's instrumentation, it is part of that.
    """
    outer = get_current_span().get_span_context()
    said: Attributes = {
        "http.request.method": method,
        "http.route": route,
        "url.path": path[:MAX_PATH],
        **of_cause(cause),
    }
    with _running(
        spans,
        f"{method} {route}",
        said,
        kind=SpanKind.INTERNAL if outer.is_valid else SpanKind.SERVER,
        parent=(traceparent_of(get_current_span()), "") if outer.is_valid else parent,
    ) as firing:
        yield firing


@contextmanager
def delivery_span(spans: Spans, row: Delivery, cause: Cause) -> Iterator[FiringSpan]:
    """Trace an attempt of a delivery, as a child of what published it.

    The span it is run in, such as that of Celery's instrumentation, is linked.
    """
    said: Attributes = {
        "faas.invoked_name": row.function_id,
        "iii.namespace": row.namespace,
        **of_cause(cause),
    }
    if row.topic:
        said |= {
            "messaging.system": "iii",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": row.topic,
            "messaging.message.id": str(row.pk),
        }
    with _running(
        spans,
        f"process {row.topic}" if row.topic else row.function_id,
        said,
        kind=SpanKind.CONSUMER,
        parent=(row.traceparent, ""),
    ) as firing:
        yield firing


@contextmanager
def _running(
    spans: Spans, name: str, said: Attributes, *, kind: SpanKind, parent: tuple[str, str]
) -> Iterator[FiringSpan]:
    span = _begin(spans, name, said, kind=kind, parent=parent)
    firing = FiringSpan(span, traceparent_of(span) or parent[0] or None)
    with use_span(span, record_exception=False, set_status_on_exception=False):
        try:
            yield firing
        finally:
            spans.finish(span)


def _begin(
    spans: Spans, name: str, said: Attributes, *, kind: SpanKind, parent: tuple[str, str]
) -> Span:
    try:
        context = context_of(*parent)
        outer = get_current_span().get_span_context()
        links = [Link(outer)] if outer.is_valid and context is not get_current() else []
        return spans.tracer.start_span(
            name, context=context, kind=kind, attributes=said, links=links
        )
    except Exception as error:  # noqa: BLE001 - exporters and samplers are the site's
        spans.lost.add(repr(error))
        return INVALID_SPAN
