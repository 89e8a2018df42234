"""What a function can learn about its own invocation, besides its input."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One run of a function."""

    id: str
    """A UUID; the ``error_id`` of an HTTP answer is the same."""
    function_id: str
    metadata: Any = None
    """The metadata of the trigger, or of the call."""
    traceparent: str | None = None
    """W3C trace context of the caller."""


_current: ContextVar[Invocation | None] = ContextVar("iii_invocation", default=None)


def current_invocation() -> Invocation | None:
    """Return the invocation that runs the calling function; None outside of one."""
    return _current.get()


_span: Callable[[], str] | None = None


def follow_spans(traceparent: Callable[[], str] | None) -> None:
    """Have ``current_traceparent`` ask this first: it is "" where no span runs."""
    global _span
    _span = traceparent


def current_traceparent() -> str:
    """Return the trace context of the running span or invocation; "" where there is none."""
    if _span is not None and (traceparent := _span()):
        return traceparent
    invocation = current_invocation()
    return (invocation.traceparent or "") if invocation is not None else ""


def enter(invocation: Invocation) -> None:
    """Make ``invocation`` the current one for the rest of the running task or context."""
    _current.set(invocation)
