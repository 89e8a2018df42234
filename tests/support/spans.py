"""OpenTelemetry as a site sets it up, with spans that are only kept.

A ``conftest.py`` or module imports the fixture it wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from iii_triggers import context
from iii_triggers.engine.tracing.contexts import traceparent_of


@dataclass(slots=True)
class Kept:
    """The spans that ended."""

    provider: TracerProvider = field(default_factory=TracerProvider)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    @property
    def spans(self) -> list[ReadableSpan]:
        """In the order in which they ended."""
        return list(self.exporter.get_finished_spans())

    def one(self, name: str) -> ReadableSpan:
        """Return the only span with this name."""
        (span,) = (span for span in self.spans if span.name == name)
        return span

    @property
    def tracer(self) -> trace.Tracer:
        """What the site makes its own spans with."""
        return self.provider.get_tracer("site")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """Set OpenTelemetry up for the engines that start from now on."""
    kept = Kept()
    kept.provider.add_span_processor(SimpleSpanProcessor(kept.exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: kept.provider)
    yield kept
    context.follow_spans(None)
    kept.provider.shutdown()


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    """Tell whether a span is the child of another."""
    at, above = child.parent, parent.get_span_context()
    return (at and (at.trace_id, at.span_id)) == (above.trace_id, above.span_id)


def out_of(span: ReadableSpan) -> str:
    """Return the ``traceparent`` that goes out for a span."""
    return traceparent_of(trace.NonRecordingSpan(span.get_span_context()))
