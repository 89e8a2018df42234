"""A JSON value that is written or read only when somebody needs the other form.

Between two workers a value passes as the text it came in; between HTTP and a function of the
site it passes as the object it is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from iii_triggers.protocol.codec import from_json, is_null, to_json
from iii_triggers.protocol.errors import SerializationFailed


class Payload:
    """Input or result of an invocation. Absent (``present`` false) is not the same as null."""

    __slots__ = ("_has_value", "_raw", "_value", "present")

    def __init__(self, raw: bytes | None, value: Any, *, has_value: bool, present: bool) -> None:
        self._raw = raw
        self._value = value
        self._has_value = has_value
        self.present = present

    @classmethod
    def of(cls, value: Any) -> Payload:
        """Wrap a Python value."""
        return cls(None, value, has_value=True, present=True)

    @classmethod
    def of_json(cls, raw: bytes) -> Payload:
        """Wrap JSON text that is known to be well-formed."""
        return cls(raw, None, has_value=False, present=True)

    @classmethod
    def of_result(cls, raw: msgspec.Raw) -> Payload:
        """Wrap the result of a worker, for which null and absent both mean "no result"."""
        return NOTHING if is_null(raw) else cls.of_json(bytes(raw))

    @property
    def is_json(self) -> bool:
        """Whether the text is at hand, so that ``json()`` costs nothing."""
        return self._raw is not None

    def json(self) -> bytes:
        """Return the JSON text. Raise SerializationFailed if the value has none."""
        if self._raw is None:
            try:
                self._raw = to_json(self._value)
            except (TypeError, ValueError, RecursionError, UnicodeError) as error:
                raise SerializationFailed(f"The value is not JSON: {error}") from error
        return self._raw

    def value(self) -> Any:
        """Return the Python value; None if absent."""
        if not self._has_value:
            self._value = from_json(self._raw)
            self._has_value = True
        return self._value


NOTHING = Payload(b"null", None, has_value=True, present=False)
