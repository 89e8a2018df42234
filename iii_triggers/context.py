"""What a function can learn about its own invocation, besides its input."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from iii_triggers.engine.causes import Cause


class Invocation(Struct, frozen=True, kw_only=True):
    """One run of a function."""

    id: str
    """A UUID; the ``error_id`` of an HTTP answer is the same."""
    function_id: str
    metadata: Any = None
    """The metadata of the trigger, or of the call."""
    traceparent: str | None = None
    """W3C trace context of the caller, or of the span of this run."""
    namespace: str = ""
    """Namespace of the function; "" where that is not known, as in ``runworker``."""
    cause: Cause | None = None
    """``trigger_type``, ``trigger_id``, ``delivery_id`` and ``attempt``; None of a direct call."""


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


class Subject(Protocol):
    """What fires: a trigger, for instance."""

    @property
    def function_id(self) -> str:
        """The function that it runs."""

    @property
    def namespace(self) -> str:
        """The namespace of the function."""

    @property
    def cause(self) -> Cause:
        """The trigger and the delivery."""


@dataclass(slots=True)
class ThisProcess:
    """What is the same for all that is logged in a process."""

    node_id: str = ""


this_process = ThisProcess()

firing: ContextVar[tuple[str, Subject] | None] = ContextVar("iii_firing", default=None)
"""The firing that a door works on, and the id of its invocation, "" if it has none yet."""

speaking_worker: ContextVar[str] = ContextVar("iii_worker", default="")
"""Id of the worker whose socket is read."""
