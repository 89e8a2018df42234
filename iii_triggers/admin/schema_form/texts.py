"""Texts of schemas on a page: short, and without characters that cannot be sent."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_TEXT = 500
MAX_SHOWN = 100

_UNFIT = re.compile("[\0\ud800-\udfff]")


def plain(text: Any, *, length: int = MAX_TEXT) -> str:
    """Return at most ``length`` characters of ``text``; nothing for what is no text."""
    if not isinstance(text, str):
        return ""
    cut = text if len(text) <= length else text[:length] + "…"
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", cut)


def shown(value: Any) -> str:
    """Return the beginning of ``value`` as people read it.

    Text as it is, a list of texts with commas, the rest as JSON.
    """
    items = value if isinstance(value, list) else [value]
    is_text = all(isinstance(item, str) and item.strip() == item != "" for item in items)
    return plain(", ".join(items) if items and is_text else json_text(value), length=MAX_SHOWN)


def json_text(value: Any) -> str:
    """Return ``value`` as JSON on one line; nothing for what is nested too deep."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        return ""
