"""Where in a JSON value an update operation acts (trigger reference, section 7.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iii_triggers.protocol.errors import IiiError

MAX_SEGMENTS = 32
MAX_SEGMENT_BYTES = 256
FORBIDDEN = frozenset({"__proto__", "constructor", "prototype"})
"""Keys that would change every object of a JavaScript program that copies them."""

Path = str | list[str] | None
"""A literal key, or the keys from the root on; "", [] and None are the root."""


class OpFailed(IiiError):
    """The operation cannot be applied."""


def segments_of(op: str, path: Path) -> tuple[str, ...]:
    """Return the keys of a path from the root on; none is the root. Raise OpFailed."""
    if not path:
        return ()
    segments = (path,) if isinstance(path, str) else tuple(path)
    if len(segments) > MAX_SEGMENTS:
        message = f"Path depth {len(segments)} exceeds maximum of {MAX_SEGMENTS}"
        raise OpFailed(message, code=f"{op}.path.too_deep")
    for segment in segments:
        _check_segment(op, segment)
    return segments


def _check_segment(op: str, segment: str) -> None:
    size = len(segment.encode(errors="surrogatepass"))
    if not segment:
        code, message = "empty_segment", "Path contains an empty segment"
    elif size > MAX_SEGMENT_BYTES:
        code = "segment_too_long"
        message = f"Path segment of {size} bytes exceeds maximum of {MAX_SEGMENT_BYTES}"
    elif segment in FORBIDDEN:
        code = "proto_polluted"
        message = f"Path segment '{segment}' is not allowed (prototype pollution)."
    else:
        return
    raise OpFailed(message, code=f"{op}.path.{code}")


def show(segments: Sequence[str]) -> str:
    """Return a path as messages name it."""
    return ".".join(segments)


def type_name(value: Any) -> str:
    """Return what JSON calls the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_number(value: Any) -> bool:
    """Tell whether a value is a JSON number."""
    return type_name(value) == "number"
