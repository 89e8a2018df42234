"""One typed message per frame of the worker protocol (protocol reference, section 3).

Optional keys that are empty are left out of an encoded frame; ``null`` in a received frame means
absent. ``data`` and ``config`` are always written, as null if need be, because strict peers
(the Rust SDK) refuse a frame without them.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct, field

NULL = b"null"
ABSENT = Raw(b"")


def _null() -> Raw:
    return Raw(NULL)


def _none() -> None:
    """A default that ``omit_defaults`` does not leave out."""


class ErrorBody(Struct, omit_defaults=True, frozen=True):
    """``{"code": str, "message": str, "stacktrace"?: str}``; peers may send less or worse."""

    code: Any = field(default_factory=lambda: "invocation_failed")
    message: Any = field(default_factory=lambda: "Unknown error")
    stacktrace: Any = None


class Action(Struct, omit_defaults=True, frozen=True):
    """How to run a call: ``{"type": "void"}`` or ``{"type": "enqueue", "queue": str}``."""

    type: str
    queue: str | None = None


class Message(Struct, omit_defaults=True, tag_field="type", tag=str.lower):
    """Base of every message; the ``type`` of a frame is the class name in lower case."""


class WorkerRegistered(Message):
    """First frame the engine sends (section 3.12)."""

    worker_id: str
    reattach_token: str


class Reattach(Message):
    """First frame of a worker that comes back (section 3.12)."""

    previous_worker_id: str
    reattach_token: str | None = None


class RegisterTriggerType(Message):
    """A worker offers a kind of event source (section 3.1)."""

    id: str
    description: str | None = None
    trigger_request_format: Any = None
    call_request_format: Any = None
    namespace: str | None = None


class UnregisterTriggerType(Message):
    """A worker withdraws a kind of event source (section 3.2)."""

    id: str
    namespace: str | None = None


class RegisterTrigger(Message):
    """Bind a function to a trigger type (section 3.3)."""

    id: str
    trigger_type: str
    function_id: str
    config: Any = field(default_factory=_none)
    metadata: Any = None
    namespace: str | None = None
    trigger_namespace: str | None = None


class TriggerRegistrationResult(Message):
    """A provider's verdict on a trigger, or the engine's refusal (section 3.4)."""

    id: str
    trigger_type: str
    function_id: str = field(default_factory=str)
    error: ErrorBody | str | None = None


class UnregisterTrigger(Message):
    """Remove a trigger (section 3.5)."""

    id: str
    trigger_type: str | None = None


class RegisterFunction(Message):
    """A worker offers a function (section 3.6)."""

    id: str
    description: str | None = None
    request_format: Any = None
    response_format: Any = None
    metadata: Any = None
    invocation: dict[str, Any] | None = None


class UnregisterFunction(Message):
    """A worker withdraws a function (section 3.7)."""

    id: str


class RegistrationRejected(Message):
    """The engine refuses a name (section 3.9)."""

    code: str
    namespace: str
    owner_worker_id: str = field(default_factory=str)
    worker_name: str | None = None
    function_id: str | None = None


class RegisterService(Message):
    """A display-only grouping of functions (section 3.13)."""

    id: str
    name: str | None = None
    description: str | None = None
    parent_service_id: str | None = None


class InvokeFunction(Message):
    """A call: a worker's request, or the engine's order to run (section 3.10)."""

    function_id: str
    data: Raw = field(default_factory=_null)
    invocation_id: str | None = None
    traceparent: str | None = None
    baggage: str | None = None
    action: Action | None = None
    metadata: Any = None
    namespace: str | None = None


class InvocationResult(Message):
    """The outcome of a call (section 3.11); neither result nor error is success without result."""

    invocation_id: str | None = None
    function_id: str | None = None
    result: Raw = ABSENT
    error: ErrorBody | str | None = None
    traceparent: str | None = None
    baggage: str | None = None


class Ping(Message):
    """Keep-alive of hand-written clients (section 1.5)."""


class Pong(Message):
    """Answer to a ping."""


class Error(Message):
    """The engine refuses a connection before anything is registered (section 1.3)."""

    error: ErrorBody


AnyMessage = (
    WorkerRegistered
    | Reattach
    | RegisterTriggerType
    | UnregisterTriggerType
    | RegisterTrigger
    | TriggerRegistrationResult
    | UnregisterTrigger
    | RegisterFunction
    | UnregisterFunction
    | RegistrationRejected
    | RegisterService
    | InvokeFunction
    | InvocationResult
    | Ping
    | Pong
    | Error
)
