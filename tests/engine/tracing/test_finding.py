"""When there are spans, and when there are none."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from iii_triggers import context
from iii_triggers.engine.tracing import find_tracer
from tests.support.spans import Kept

Settings = Any


def test_a_site_that_set_a_provider_has_spans(kept: Kept) -> None:
    tracer = find_tracer()
    assert tracer is not None
    with kept.tracer.start_as_current_span("view"):
        assert context.current_traceparent().startswith("00-")
    assert context.current_traceparent() == ""


def test_off_is_off(kept: Kept, settings: Settings) -> None:
    find_tracer()
    settings.III_TRACING = "off"
    assert find_tracer() is None
    with kept.tracer.start_as_current_span("view"):
        assert context.current_traceparent() == ""


@pytest.mark.parametrize("provider", [trace.ProxyTracerProvider, trace.NoOpTracerProvider])
def test_a_site_that_set_none_has_none(monkeypatch: pytest.MonkeyPatch, provider: type) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", provider)
    assert find_tracer() is None


def test_an_sdk_that_is_turned_off_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
    assert find_tracer() is None


def test_without_the_package_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert find_tracer() is None
