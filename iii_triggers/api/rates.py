"""How often one person may call: ``III_API_THROTTLES``. No REST framework here."""

from __future__ import annotations

import re

from iii_triggers.conf import Settings, settings

_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def limit_of(scope: str) -> tuple[int, int] | None:
    """Return how many calls of a scope there may be in how many seconds; None is no limit."""
    rates = {**Settings.III_API_THROTTLES, **settings.III_API_THROTTLES}
    match = _RATE.fullmatch(rates[scope])
    return (int(match[1]), _SECONDS[match[2]]) if match else None


def is_rate(text: str) -> bool:
    """Tell whether ``text`` is a rate such as ``600/min``; nothing is one too: no limit."""
    return text == "" or _RATE.fullmatch(text) is not None
