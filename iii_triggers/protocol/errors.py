"""The one error tree of the product.

Every error has a ``code``, which is what travels on the wire (protocol reference, section 4.5),
and a message. The docstring of a class is its default message.
"""

from __future__ import annotations

import inspect


class IiiError(Exception):
    """The engine failed."""

    code = "internal_error"
    stacktrace: str | None = None

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        # Functions of the site raise it with whatever they caught.
        self.message = (inspect.getdoc(type(self)) or "") if message is None else str(message)
        if code is not None:
            self.code = str(code)
        super().__init__(self.message)


class MalformedFrame(IiiError):
    """The frame is not a message of the worker protocol."""

    code = "malformed_frame"


class FunctionNotFound(IiiError):
    """The function does not exist."""

    code = "function_not_found"

    @classmethod
    def of(cls, function_id: str, namespace: str, *, elsewhere: list[str]) -> FunctionNotFound:
        """Build the message SDKs and their users match on (protocol reference, section 4.1)."""
        message = f"Function {function_id} not found in namespace {namespace}."
        if elsewhere:
            message += f" It is registered in namespace(s): {', '.join(elsewhere)}."
        return cls(message)


class InvocationStopped(IiiError):
    """Invocation stopped"""

    code = "invocation_stopped"


class InvocationTimeout(IiiError):
    """The function did not answer in time."""

    code = "TIMEOUT"


class InvocationFailed(IiiError):
    """The function failed."""

    code = "invocation_failed"

    def __init__(
        self, message: str | None = None, *, code: str | None = None, stacktrace: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.stacktrace = stacktrace


class ChannelSendFailed(IiiError):
    """The connection of the worker closed while the call was sent."""

    code = "channel_send_failed"


class PayloadTooLarge(IiiError):
    """The payload is larger than the receiver accepts."""

    code = "payload_too_large"


class LimitExceeded(IiiError):
    """A limit of the engine was reached."""

    code = "LIMIT_EXCEEDED"


class InvalidInput(IiiError):
    """The input has the wrong shape."""

    code = "deserialization_error"

    @classmethod
    def of(cls, function_id: str, reason: str) -> InvalidInput:
        """Build the text SDKs know for a built-in function called with the wrong input."""
        return cls(f"Failed to deserialize input for {function_id}: {reason}")


class InvalidArguments(IiiError):
    """The arguments are not valid."""

    code = "INVALID_ARGUMENTS"


class InvalidNamespace(IiiError):
    """A namespace must not be blank."""

    code = "INVALID_NAMESPACE"


class SerializationFailed(IiiError):
    """The result cannot be written as JSON."""

    code = "serialization_error"


class NotFound(IiiError):
    """Not found."""

    code = "NOT_FOUND"


class Forbidden(IiiError):
    """Not allowed."""

    code = "FORBIDDEN"


class AuthenticationFailed(IiiError):
    """A worker needs a valid token to connect from here."""

    code = "AUTH_ERROR"


class TriggerRejected(IiiError):
    """The trigger cannot be registered."""

    code = "trigger_registration_failed"


class InvalidConfig(TriggerRejected):
    """The config of the trigger is not valid.

    ``field`` names the config key at fault ("" when the config as a whole is).
    """

    def __init__(self, message: str | None = None, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class TriggerConflict(TriggerRejected):
    """The trigger conflicts with one that is already registered."""


class EngineNotRunning(IiiError):
    """The engine of this process is not running."""

    code = "engine_not_running"


class WrongThread(IiiError):
    """invoke() would block the event loop it waits for: use ainvoke() in async code."""

    code = "wrong_thread"
