"""Any value as JSON, in bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 32_768
MAX_VALUE = 8192
MAX_ITEMS = 100
MAX_DEPTH = 4


def plain(value: Any, depth: int = 0) -> Any:
    """Return ``value`` if JSON can say it, or else as text; large ones in part."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 1 << 64 else shortened(hex(value), MAX_VALUE)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return shortened(value, MAX_VALUE)
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {_text(key)[:255]: plain(item, depth + 1) for key, item in items}
    if depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return shortened(_text(value), MAX_VALUE)


def shortened(text: str, limit: int) -> str:
    """Return the beginning of a text."""
    return str(text) if len(text) <= limit else f"{text[:limit]}…"


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - the value is the caller's
        return f"<{type(value).__name__} that has no text: {type(error).__name__}>"
