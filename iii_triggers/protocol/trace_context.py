"""W3C trace context: what callers send may be anything, what goes on to functions may not."""

from __future__ import annotations

import re

MAX_TRACEPARENT = 255
"""Characters; version 00 has 55, later ones may have more."""

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_LENGTH = 55


def valid_traceparent(text: str | None) -> str | None:
    """Return a trace context as it may be passed on; None for one that means nothing.

    Of a later version only what version 00 knows is kept, as version 00.
    """
    if not text or len(text) > MAX_TRACEPARENT or _TRACEPARENT.match(text) is None:
        return None
    if text.startswith("00"):
        return text if len(text) == _LENGTH else None
    if len(text) > _LENGTH and text[_LENGTH] != "-":
        return None
    return f"00{text[2:_LENGTH]}"
